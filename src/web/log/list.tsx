// biome-ignore-all lint/a11y/useSemanticElements: a virtual list of absolutely placed rows cannot be a table element
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row by aria-activedescendant
/** The rows on screen, of up to 100 000: fixed heights, so that scrolling costs the same whatever their number. */
import { Button } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, memo, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useHref, useNavigate } from "react-router";
import { formatDuration } from "../components/format.ts";
import { Tag } from "../components/tag.tsx";
import { Moment } from "../components/time.tsx";
import { Why } from "../request/why.tsx";
import type { LogRow } from "./documents.ts";
import classes from "./list.module.css";
import { MOST_ROWS } from "./rows.ts";
import type { LogState, LogStore } from "./store.ts";

const HEIGHT = { wide: 38, narrow: 62 };

/** What does not change as newer rows come in above. */
const Cells = memo(function Cells({
  row,
  href,
  selected,
  selectable,
}: {
  row: LogRow;
  href: string;
  selected: boolean;
  selectable: boolean;
}) {
  const attempt = row.attempts.edges[0]?.node;
  return (
    <>
      <div role="gridcell" className={classes["check"]}>
        {selectable && <input type="checkbox" tabIndex={-1} checked={selected} readOnly aria-label={`Select request ${row.number}`} />}
      </div>
      <div role="gridcell" className={classes["state"]}>
        <Tag kind="request" state={row.state} bare />
      </div>
      <div role="gridcell" className={classes["number"]}>
        <a className="plain num" href={href} tabIndex={-1}>
          #{row.number}
        </a>
      </div>
      <div role="gridcell" className={classes["type"]}>
        <span className="clip mono">{row.eventType}</span>
        {row.isTest && <span className={classes["test"]}>test</span>}
      </div>
      <div role="gridcell" className={`clip ${classes["entity"]}`} title={row.entity ?? ""}>
        {row.entityId === null ? "" : `${row.entity ?? ""} ${row.entityId}`}
      </div>
      <div role="gridcell" className={`clip ${classes["webhook"]}`}>
        {row.webhookDefinition.name}
      </div>
      <div role="gridcell" className={`clip num ${classes["answer"]}`}>
        {attempt?.outcome === "DELIVERED" ? (
          <>
            {attempt.statusCode ?? "Accepted"}
            {row.attemptCount > 1 && <span className={classes["tries"]}>attempt {row.attemptCount}</span>}
          </>
        ) : (
          <Why request={row} clip />
        )}
      </div>
      <div role="gridcell" className={`num ${classes["duration"]}`}>
        {attempt ? formatDuration(attempt.durationMs) : ""}
      </div>
      <div role="gridcell" className={classes["time"]}>
        <Moment at={row.createdAt} />
      </div>
    </>
  );
});

interface ListProps {
  store: LogStore;
  state: LogState;
  selection: ReadonlySet<string>;
  selectable: boolean;
  toggle: (row: LogRow, range: boolean) => void;
  toggleAll: () => void;
}

export function LogList({ store, state, selection, selectable, toggle, toggleAll }: ListProps) {
  const { rows, above, marker } = state;
  const log = useHref("/log");
  const scroller = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const [narrow, setNarrow] = useState(() => matchMedia("(max-width: 48em)").matches);
  const [focused, setFocused] = useState<number>();
  const [unseen, setUnseen] = useState(0);
  const height = narrow ? HEIGHT.narrow : HEIGHT.wide;
  const lastAbove = useRef(above);

  useEffect(() => {
    const media = matchMedia("(max-width: 48em)");
    const change = () => setNarrow(media.matches);
    media.addEventListener("change", change);
    return () => media.removeEventListener("change", change);
  }, []);

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 6,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height is what makes the measurements stale
  useEffect(() => virtual.measure(), [height]);

  // Whoever reads further down keeps the rows under their eyes while new ones come in on top.
  useLayoutEffect(() => {
    const element = scroller.current;
    const added = above - lastAbove.current;
    lastAbove.current = above;
    // Not the element's own: to read it here would have the browser lay out the new rows at once, and then again.
    const top = store.scrollTop;
    if (!element || added === 0) return;
    if (top > height / 2) {
      store.scrollTop = top + added * height;
      element.scrollTop = store.scrollTop;
      setUnseen((count) => count + added);
    }
  }, [above, height, store]);

  useLayoutEffect(() => {
    if (scroller.current) scroller.current.scrollTop = store.scrollTop;
  }, [store]);

  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (rows.length > 0 && last >= rows.length - 30) void store.older();
  }, [last, rows.length, store]);

  const onScroll = useCallback(() => {
    const top = scroller.current?.scrollTop ?? 0;
    store.scrollTop = top;
    if (top < 4) setUnseen(0);
  }, [store]);

  const at = focused === undefined ? -1 : rows.findIndex((row) => row.number === focused);
  store.inUse = selection.size > 0 ? MOST_ROWS : Math.max(last, at) + 1;

  function onClick(event: MouseEvent) {
    const element = event.target as HTMLElement;
    const id = element.closest('[role="row"]')?.id;
    const row = rows.find((each) => `request-${each.number}` === id);
    if (!row) return;
    if (element instanceof HTMLInputElement) return toggle(row, event.shiftKey);
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey;
    const link = element.closest("a");
    // The browser's own: another tab or window.
    if (link ? elsewhere : element.closest("button") || getSelection()?.toString()) return;
    event.preventDefault();
    navigate(`/log/${row.number}`);
  }

  function onKeyDown(event: KeyboardEvent) {
    // A button's Enter and space are its own.
    if (event.target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ")) return;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 15, PageUp: -15, j: 1, k: -1 };
    const step = steps[event.key];
    const row = rows[at];
    if (step !== undefined) {
      const to = Math.max(0, Math.min(rows.length - 1, at < 0 ? (items[0]?.index ?? 0) : at + step));
      setFocused(rows[to]?.number);
      virtual.scrollToIndex(to);
    } else if (event.key === "Enter" && row) navigate(`/log/${row.number}`);
    else if (event.key === " " && row && selectable) toggle(row, event.shiftKey);
    else return;
    event.preventDefault();
  }

  return (
    <div className={classes["frame"]}>
      {unseen > 0 && (
        <button type="button" className={classes["unseen"]} onClick={() => scroller.current?.scrollTo({ top: 0 })}>
          ↑ {unseen} new
        </button>
      )}
      <div
        ref={scroller}
        className={classes["scroller"]}
        role="grid"
        aria-label="Webhook requests, newest first"
        aria-rowcount={rows.length + (state.olderFailed ? 2 : 1)}
        aria-multiselectable={selectable}
        aria-activedescendant={at < 0 ? undefined : `request-${focused}`}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onClick={onClick}
      >
        <div role="row" aria-rowindex={1} className={classes["header"]}>
          <div role="columnheader" className={classes["check"]}>
            {selectable && (
              <input
                type="checkbox"
                aria-label="Select all loaded requests"
                ref={(element) => {
                  if (element) element.indeterminate = selection.size > 0 && selection.size < rows.length;
                }}
                checked={rows.length > 0 && selection.size === rows.length}
                onChange={toggleAll}
              />
            )}
          </div>
          <div role="columnheader">State</div>
          <div role="columnheader">Number</div>
          <div role="columnheader">Event type</div>
          <div role="columnheader">Entity</div>
          <div role="columnheader">Webhook</div>
          <div role="columnheader">Answer</div>
          <div role="columnheader" className={classes["duration"]}>
            Took
          </div>
          <div role="columnheader" className={classes["time"]}>
            Created
          </div>
        </div>
        <div role="rowgroup" className={classes["rows"]} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rows[item.index] as LogRow;
            const left = marker !== undefined && item.index > 0 && row.number <= marker && (rows[item.index - 1] as LogRow).number > marker;
            return (
              <div
                key={row.id}
                role="row"
                id={`request-${row.number}`}
                aria-rowindex={item.index + 2}
                aria-selected={selection.has(row.id)}
                data-focused={row.number === focused || undefined}
                data-left={left || undefined}
                className={classes["row"]}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <Cells row={row} href={`${log}/${row.number}`} selected={selection.has(row.id)} selectable={selectable} />
                {left && (
                  <span className={classes["left"]}>
                    <span>New above · you left off here</span>
                  </span>
                )}
              </div>
            );
          })}
        </div>
        {state.olderFailed && (
          <div role="row" aria-rowindex={rows.length + 2} className={classes["failed"]}>
            <div role="gridcell">
              <span role="alert">Older ones could not be loaded</span>
              <Button size="compact-xs" variant="default" loading={state.loadingOlder} onClick={() => void store.older()}>
                Try again
              </Button>
            </div>
          </div>
        )}
      </div>
    </div>
  );
}
