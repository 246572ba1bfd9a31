import { Button } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconListDetails, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { lazy, memo, Suspense, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { useClient } from "urql";
import { ExportButton } from "../components/export-button.tsx";
import { formatCapped } from "../components/format.ts";
import { LiveMark } from "../components/live.tsx";
import { Empty, Failed, LoadingRows } from "../components/states.tsx";
import { ViewsButton } from "../components/views-button.tsx";
import type { LogRow } from "../log/documents.ts";
import { isFiltered, type LogFilter, readFilter, toInput, writeFilter } from "../log/filter.ts";
import { LogFilters, NumberSearch } from "../log/filters.tsx";
import { LogList } from "../log/list.tsx";
import { storeFor } from "../log/store.ts";
import { useSession } from "../session.tsx";
import { RecoverViewButton } from "../webhooks/recover-view.tsx";
import classes from "./log.module.css";

// Not on the first load: each needs a filter, or a selection.
const ResendAllButton = lazy(async () => ({ default: (await import("../log/resend-all.tsx")).ResendAllButton }));
const SelectionBar = lazy(async () => ({ default: (await import("../log/bulk.tsx")).SelectionBar }));

/** Rows by id, with shift-click ranges. */
function useSelection(rows: LogRow[]) {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const anchor = useRef<number>(undefined);
  const current = useRef(rows);
  current.current = rows;
  const toggle = useCallback((row: LogRow, range: boolean) => {
    const list = current.current;
    const at = list.findIndex((each) => each.id === row.id);
    const from = anchor.current === undefined ? -1 : list.findIndex((each) => each.number === anchor.current);
    anchor.current = row.number;
    setIds((last) => {
      const next = new Set(last);
      const touched = range && from >= 0 ? list.slice(Math.min(from, at), Math.max(from, at) + 1) : [row];
      const on = !last.has(row.id);
      for (const each of touched) {
        if (on) next.add(each.id);
        else next.delete(each.id);
      }
      return next;
    });
  }, []);
  const toggleAll = useCallback(() => setIds((last) => new Set(last.size > 0 ? [] : current.current.map((row) => row.id))), []);
  const clear = useCallback(() => setIds(new Set()), []);
  return { ids, toggle, toggleAll, clear };
}

interface ActionsProps {
  filter: LogFilter;
  held: boolean;
  toggleHold: () => void;
}

/** Apart from the rows, which come in many times a second. */
const Actions = memo(function Actions({ filter, held, toggleHold }: ActionsProps) {
  const navigate = useNavigate();
  const { can } = useSession();
  return (
    <span className={classes["actions"]}>
      {can("webhooks:write") && isFiltered(filter) && (
        <Suspense>
          <ResendAllButton filter={filter} />
        </Suspense>
      )}
      {can("webhooks:write") && <RecoverViewButton filter={filter} />}
      <ViewsButton place="/log" query={writeFilter(filter).toString()} />
      <ExportButton list="requests" filter={toInput(filter)} />
      <NumberSearch open={(number) => navigate(`/log/${number}`)} />
      <Button
        size="xs"
        variant={held ? "filled" : "default"}
        leftSection={held ? <IconPlayerPlay size={14} /> : <IconPlayerPause size={14} />}
        onClick={toggleHold}
        aria-pressed={held}
      >
        {held ? "Resume" : "Pause"}
      </Button>
    </span>
  );
});

export function Log() {
  const client = useClient();
  const { can } = useSession();
  const [query, setQuery] = useSearchParams();
  const text = query.toString();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the text is what the filter is made of
  const filter = useMemo(() => readFilter(query), [text]);
  const store = useMemo(() => storeFor(client, filter), [client, filter]);
  const state = useSyncExternalStore(store.subscribe, store.snapshot);
  const selection = useSelection(state.rows);
  const [held, setHeld] = useState(false);

  useEffect(() => {
    document.title = "Log · Hookline";
    if (!held) void store.start();
    return () => store.pause();
  }, [store, held]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another view, another selection
  useEffect(() => selection.clear(), [store]);

  const change = useCallback((next: LogFilter) => setQuery(writeFilter(next), { replace: true }), [setQuery]);
  const toggleHold = useCallback(() => setHeld((now) => !now), []);
  useHotkeys([
    ["p", toggleHold],
    ["/", () => document.getElementById("search")?.focus()],
  ]);

  const writes = can("webhooks:write");
  const chosen = selection.ids.size === 0 ? [] : state.rows.filter((row) => selection.ids.has(row.id));
  // Stays from the first selection on: what it does goes on when the selection is gone.
  const barred = useRef(false);
  barred.current ||= chosen.length > 0;
  const filtered = isFiltered(filter);
  return (
    <div className={classes["page"]}>
      <header className={classes["head"]}>
        <div className={classes["titles"]}>
          <h1 className={classes["title"]}>Log</h1>
          <LiveMark status={state.status} />
          {state.total !== undefined && (
            <span className="quiet num">
              {formatCapped(state.total, state.totalCapped)} {filtered ? "match" : state.total === 1 ? "request" : "requests"}
            </span>
          )}
          <Actions filter={filter} held={held} toggleHold={toggleHold} />
        </div>
        <LogFilters filter={filter} change={change} />
      </header>
      {state.error !== undefined && state.rows.length === 0 ? (
        <Failed error={state.error} retry={() => void store.start()} />
      ) : state.total === undefined ? (
        <div className={classes["waiting"]}>
          <LoadingRows rows={12} />
        </div>
      ) : state.rows.length === 0 ? (
        state.hasOlder ? (
          <Empty
            icon={IconListDetails}
            title="Nothing matches so far"
            action={
              <Button variant="default" loading={state.loadingOlder} onClick={() => void store.older()}>
                Look further
              </Button>
            }
          >
            {state.olderFailed ? "Older ones could not be loaded" : "There are older ones."}
          </Empty>
        ) : filtered ? (
          <Empty icon={IconListDetails} title="Nothing matches">
            No request fits this filter. New ones that do appear here by themselves.
          </Empty>
        ) : (
          <Empty
            icon={IconListDetails}
            title="No deliveries yet"
            action={
              <Button component={Link} to="/webhooks" variant="default">
                Set up a webhook
              </Button>
            }
          >
            As soon as an event matches a webhook, its delivery appears here, live.
          </Empty>
        )
      ) : (
        <LogList
          store={store}
          state={state}
          selection={selection.ids}
          selectable={writes}
          toggle={selection.toggle}
          toggleAll={selection.toggleAll}
        />
      )}
      {barred.current && (
        <Suspense>
          <SelectionBar rows={chosen} clear={selection.clear} removed={(ids) => store.remove(ids)} />
        </Suspense>
      )}
    </div>
  );
}
