import { Button, Checkbox, Select } from "@mantine/core";
import { IconArrowsRightLeft, IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { AddressChoice } from "../components/address-choice.tsx";
import { useNow } from "../components/clock.ts";
import { formatCapped } from "../components/format.ts";
import { Freshness } from "../components/live.tsx";
import { Page } from "../components/page.tsx";
import { Empty, Failed, LoadingRows } from "../components/states.tsx";
import { type Column, DataTable } from "../components/table.tsx";
import { useFresh } from "../graphql/fresh.ts";
import { LaneActions } from "../lanes/actions.tsx";
import { LaneBar } from "../lanes/bulk.tsx";
import { laneColumns } from "../lanes/columns.tsx";
import { type Lane, type LaneState, LanesQuery } from "../lanes/documents.ts";
import { useSession } from "../session.tsx";
import { useDefinitionNames } from "../webhooks/names.ts";
import classes from "./lanes.module.css";

const VIEWS: { value: string; label: string; states: LaneState[] | null }[] = [
  { value: "held", label: "Held up", states: ["BLOCKED", "WAITING", "PAUSED"] },
  { value: "blocked", label: "Blocked", states: ["BLOCKED"] },
  { value: "waiting", label: "Waiting", states: ["WAITING"] },
  { value: "paused", label: "Paused", states: ["PAUSED"] },
  { value: "busy", label: "Sending", states: ["READY", "LEASED"] },
  { value: "all", label: "All", states: null },
];
const PAGE = 25;

const EMPTY: Record<string, string> = {
  held: "No lane waits, is blocked or paused.",
  blocked: "No lane is blocked.",
  waiting: "No lane waits for a retry.",
  paused: "No lane is paused, by an operator or with its webhook.",
  busy: "No lane is sending, or about to.",
  all: "Lanes appear with the first event of a webhook.",
};
/** A page that is empty proves nothing of the next. */
function emptyTitle({ value }: { value: string }, goesOn: boolean): string {
  if (goesOn) return "None on this page";
  return value === "held" ? "Nothing is held up" : "No lanes here";
}

const title = (lane: Lane) => [lane.webhookDefinition.name, lane.key].filter(Boolean).join(" ");

export function Lanes() {
  const { can } = useSession();
  const [query, setQuery] = useSearchParams();
  const names = useDefinitionNames();
  const now = useNow(1_000);
  const [selected, setSelected] = useState<ReadonlyMap<string, Lane>>(new Map());
  const definition = query.get("definition");
  const [after, before] = [query.get("after"), query.get("before")];
  const view = VIEWS.find((each) => each.value === query.get("view")) ?? (VIEWS[0] as (typeof VIEWS)[number]);
  const filter = { ...(view.states ? { state: view.states } : {}), ...(definition === null ? {} : { webhookDefinitionId: definition }) };
  const place = before === null ? { first: PAGE, after } : { last: PAGE, before };
  const { data, at, error, ask } = useFresh(LanesQuery, () => ({ filter, ...place }), query.toString());
  const refresh = () => void ask();

  /** Another filter begins at its first page. */
  function put(change: Record<string, string | null>) {
    if ("view" in change || "definition" in change) setSelected(new Map());
    setQuery((last) => {
      const next = new URLSearchParams(last);
      for (const name of ["after", "before"]) next.delete(name);
      for (const [name, value] of Object.entries(change)) {
        if (value === null || (name === "view" && value === "held")) next.delete(name);
        else next.set(name, value);
      }
      return next;
    });
  }

  const rows = data?.lanes.edges.map((edge) => edge.node) ?? [];
  const writes = can("webhooks:write");
  const here = rows.filter((lane) => selected.has(lane.id));
  const mark = (lanes: Lane[], on: boolean) =>
    setSelected((last) => {
      const next = new Map(last);
      for (const lane of lanes) {
        if (on) next.set(lane.id, lane);
        else next.delete(lane.id);
      }
      return next;
    });
  // As they are now, for those on this page; as they were seen, for those of others.
  const chosen = [...selected.values()].map((lane) => rows.find((row) => row.id === lane.id) ?? lane);

  const select: Column<Lane> = {
    head: (
      <Checkbox
        size="xs"
        aria-label="Select all lanes of this page"
        checked={rows.length > 0 && here.length === rows.length}
        indeterminate={here.length > 0 && here.length < rows.length}
        onChange={(event) => mark(rows, event.currentTarget.checked)}
      />
    ),
    width: 30,
    cell: (lane) => (
      <Checkbox
        size="xs"
        aria-label={`Select ${title(lane)}`}
        checked={selected.has(lane.id)}
        onChange={(event) => mark([lane], event.currentTarget.checked)}
      />
    ),
  };
  const actions: Column<Lane> = {
    head: "",
    label: "What to do",
    width: 206,
    cell: (lane) => <LaneActions lane={lane} refresh={refresh} />,
  };
  const columns = writes ? [select, ...laneColumns(now), actions] : laneColumns(now);
  const page = data?.lanes.pageInfo;

  return (
    <Page
      wide
      title="Lanes"
      hint="A lane is one strictly ordered stream: what is at its head holds up everything behind it."
      actions={<Freshness at={at} error={error} />}
    >
      <div className={classes["bar"]}>
        <AddressChoice
          size="xs"
          aria-label="Which lanes"
          value={view.value}
          data={VIEWS.map(({ value, label }) => ({ value, label }))}
          onChange={(value) => put({ view: value })}
        />
        <Select
          size="xs"
          aria-label="Webhook"
          placeholder="Any webhook"
          searchable
          clearable
          data={names.map((each) => ({ value: each.id, label: each.name }))}
          value={definition}
          onChange={(value) => put({ definition: value })}
        />
        {data && (
          <span className={`quiet num ${classes["total"]}`}>
            {formatCapped(data.lanes.totalCount, data.lanes.totalCountCapped)} {data.lanes.totalCount === 1 ? "lane" : "lanes"}
          </span>
        )}
      </div>
      {!data && error !== undefined && <Failed error={error} retry={refresh} />}
      {!data && error === undefined && <LoadingRows />}
      {data && error !== undefined && <p className="quiet">Not renewed: {error}</p>}
      {data && rows.length === 0 && (
        <Empty icon={IconArrowsRightLeft} title={emptyTitle(view, page?.hasNextPage ?? false)}>
          {page?.hasNextPage ? "The list is long: go on to the next page." : EMPTY[view.value]}
        </Empty>
      )}
      {rows.length > 0 && <DataTable label="Lanes" rows={rows} columns={columns} keyOf={(lane) => lane.id} />}
      {page && (page.hasNextPage || page.hasPreviousPage || after !== null || before !== null) && (
        <nav className={classes["pages"]} aria-label="Pages">
          <Button
            size="xs"
            variant="default"
            leftSection={<IconChevronLeft size={14} />}
            disabled={!page.hasPreviousPage && after === null}
            onClick={() => (page.startCursor === null ? put({}) : put({ before: page.startCursor }))}
          >
            Previous
          </Button>
          <Button
            size="xs"
            variant="default"
            rightSection={<IconChevronRight size={14} />}
            disabled={!page.hasNextPage || page.endCursor === null}
            onClick={() => put({ after: page.endCursor })}
          >
            Next
          </Button>
        </nav>
      )}
      {selected.size > 0 && <LaneBar lanes={chosen} clear={() => setSelected(new Map())} refresh={refresh} />}
    </Page>
  );
}
