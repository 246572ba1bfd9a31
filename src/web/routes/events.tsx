import { Button } from "@mantine/core";
import { IconBolt } from "@tabler/icons-react";
import { useSearchParams } from "react-router";
import { ExportButton } from "../components/export-button.tsx";
import { formatCapped } from "../components/format.ts";
import { Freshness } from "../components/live.tsx";
import { Page } from "../components/page.tsx";
import { Pager } from "../components/pager.tsx";
import { Empty, Failed, LoadingRows } from "../components/states.tsx";
import { type Column, DataTable } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { ViewsButton } from "../components/views-button.tsx";
import { EventPanel } from "../events/detail.tsx";
import { type EventRow, EventsQuery } from "../events/documents.ts";
import { type EventsFilter, isFiltered, readFilter, toInput, writeFilter } from "../events/filter.ts";
import { EventFilters } from "../events/filters.tsx";
import { Went } from "../events/went.tsx";
import { useFresh } from "../graphql/fresh.ts";

const columns = (open: (id: string) => void): Column<EventRow>[] => [
  {
    head: "Type",
    label: "",
    cell: (row) => (
      <Button size="compact-xs" variant="subtle" color="gray" onClick={() => open(row.id)}>
        <span className="mono">{row.type}</span>
      </Button>
    ),
  },
  { head: "Entity", cell: (row) => (row.entityId === null ? row.entity : `${row.entity ?? ""} ${row.entityId}`) },
  { head: "Application", wideOnly: true, cell: (row) => row.application?.name },
  { head: "Where it went", cell: (row) => <Went requests={row.requests} /> },
  { head: "Accepted", width: 150, cell: (row) => <Moment at={row.createdAt} /> },
];

/** A page of a filter that hardly anything matches may be empty, and others come behind it. */
function Nothing({ filtered, goesOn }: { filtered: boolean; goesOn: boolean }) {
  if (goesOn)
    return (
      <Empty icon={IconBolt} title="Nothing matches so far">
        This was a stretch of many events; go on to older ones, or narrow the time.
      </Empty>
    );
  return (
    <Empty icon={IconBolt} title={filtered ? "Nothing matches" : "No events yet"}>
      {filtered
        ? "No event fits this filter. New ones that do appear here by themselves."
        : "Each event that is accepted appears here, whether a webhook takes it or not."}
    </Empty>
  );
}

export function Events() {
  const [query, setQuery] = useSearchParams();
  const filter = readFilter(query);
  const [after, shown] = [query.get("after"), query.get("id")];
  const key = `${writeFilter(filter)} ${after}`;
  const { data, at, error, ask } = useFresh(EventsQuery, () => ({ filter: toInput(filter), after }), key);
  const put = (name: "id" | "after", value: string | null) =>
    setQuery((last) => {
      const next = new URLSearchParams(last);
      if (value === null) next.delete(name);
      else next.set(name, value);
      return next;
    });
  const open = (id: string) => put("id", id);
  const change = (next: EventsFilter) => setQuery(writeFilter(next), { replace: true });
  const events = data?.events;
  const rows = events?.edges.map((edge) => edge.node) ?? [];
  return (
    <Page
      title="Events"
      hint="Everything that was accepted, also what no webhook wanted, newest first; and where each went."
      actions={
        <>
          <ViewsButton place="/events" query={writeFilter(filter).toString()} />
          <ExportButton list="events" filter={toInput(filter)} />
        </>
      }
    >
      <div style={{ display: "flex", flexWrap: "wrap", gap: "6px 16px", marginBottom: 10 }}>
        <Freshness at={at} error={error} />
        {events && (
          <span className="quiet num">
            {formatCapped(events.totalCount, events.totalCountCapped)}{" "}
            {isFiltered(filter) ? "match" : events.totalCount === 1 ? "event" : "events"}
          </span>
        )}
      </div>
      <div style={{ marginBottom: 12 }}>
        <EventFilters filter={filter} change={change} />
      </div>
      {events === undefined ? (
        error === undefined ? (
          <LoadingRows />
        ) : (
          <Failed error={error} retry={() => void ask()} />
        )
      ) : (
        <>
          {rows.length === 0 ? (
            <Nothing filtered={isFiltered(filter) || after !== null} goesOn={events.pageInfo.hasNextPage} />
          ) : (
            <DataTable label="Events" rows={rows} keyOf={(row) => row.id} open={(row) => open(row.id)} columns={columns(open)} />
          )}
          {events.stoppedAt !== null && (
            <p className="quiet" style={{ margin: "12px 0 0" }}>
              Looked back as far as <Moment at={events.stoppedAt} />. Older events may match too.
            </p>
          )}
          <Pager
            after={after}
            pageInfo={events.pageInfo}
            setAfter={(next) => put("after", next)}
            {...(events.stoppedAt !== null && { older: "Look further back" })}
          />
        </>
      )}
      {shown !== null && <EventPanel id={shown} mark={filter.payload} close={() => put("id", null)} />}
    </Page>
  );
}
