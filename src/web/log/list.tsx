// biome-ignore-all lint/a11y/useSemanticElements: a virtual list of absolutely placed rows cannot be a table element
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row by aria-activedescendant
/** The rows on screen, of up to 100 000: fixed heights, so that scrolling costs the same whatever their number. */
import { Checkbox } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, memo, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { formatDuration } from "../components/format.ts";
import { Tag } from "../components/tag.tsx";
import { Moment } from "../components/time.tsx";
import { Why } from "../request/why.tsx";
import type { LogRow } from "./documents.ts";
import classes from "./list.module.css";
import type { LogState, LogStore } from "./store.ts";

const HEIGHT = { wide: 38, narrow: 62 };

interface RowProps {
  row: LogRow;
  index: number;
  top: number;
  selected: boolean;
  focused: boolean;
  left: boolean;
  selectable: boolean;
  toggle: (row: LogRow, range: boolean) => void;
}

const Row = memo(function Row({ row, index, top, selected, focused, left, selectable, toggle }: RowProps) {
  const attempt = row.attempts.edges[0]?.node;
  return (
    <div
      role="row"
      id={`request-${row.number}`}
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-focused={focused || undefined}
      data-left={left || undefined}
      className={classes["row"]}
      style={{ transform: `translateY(${top}px)` }}
    >
      <div role="gridcell" className={classes["check"]}>
        {selectable && (
          <Checkbox
            size="xs"
            tabIndex={-1}
            checked={selected}
            onClick={(event: MouseEvent) => toggle(row, event.shiftKey)}
            readOnly
            aria-label={`Select request ${row.number}`}
          />
        )}
      </div>
      <div role="gridcell" className={classes["state"]}>
        <Tag kind="request" state={row.state} bare />
      </div>
      <div role="gridcell" className={classes["number"]}>
        <Link className="plain num" to={`/log/${row.number}`} tabIndex={-1}>
          #{row.number}
        </Link>
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
      {left && (
        <span className={classes["left"]}>
          <span>New above · you left off here</span>
        </span>
      )}
    </div>
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
    overscan: 12,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the height is what makes the measurements stale
  useEffect(() => virtual.measure(), [height]);

  // Whoever reads further down keeps the rows under their eyes while new ones come in on top.
  useLayoutEffect(() => {
    const element = scroller.current;
    const added = above - lastAbove.current;
    lastAbove.current = above;
    if (!element || added === 0) return;
    if (element.scrollTop > height / 2) {
      element.scrollTop += added * height;
      setUnseen((count) => count + added);
    }
  }, [above, height]);

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
  function onKeyDown(event: KeyboardEvent) {
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
        aria-rowcount={rows.length + 1}
        aria-multiselectable={selectable}
        aria-activedescendant={at < 0 ? undefined : `request-${focused}`}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        onClick={(event) => {
          const element = event.target as HTMLElement;
          if (element.closest("a, input, label, button") || getSelection()?.toString()) return;
          const id = element.closest('[role="row"]')?.id.slice("request-".length);
          if (id) navigate(`/log/${id}`);
        }}
      >
        <div role="row" aria-rowindex={1} className={classes["header"]}>
          <div role="columnheader" className={classes["check"]}>
            {selectable && (
              <Checkbox
                size="xs"
                aria-label="Select all loaded requests"
                checked={rows.length > 0 && selection.size === rows.length}
                indeterminate={selection.size > 0 && selection.size < rows.length}
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
            return (
              <Row
                key={row.id}
                row={row}
                index={item.index}
                top={item.start}
                selected={selection.has(row.id)}
                focused={row.number === focused}
                left={marker !== undefined && item.index > 0 && row.number <= marker && (rows[item.index - 1] as LogRow).number > marker}
                selectable={selectable}
                toggle={toggle}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}
