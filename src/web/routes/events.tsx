import { Button, TextInput } from "@mantine/core";
import { IconBolt, IconSearch } from "@tabler/icons-react";
import { useCallback, useState } from "react";
import { useSearchParams } from "react-router";
import { useQuery } from "urql";
import { useEvery } from "../components/clock.ts";
import { Page } from "../components/page.tsx";
import { Pager } from "../components/pager.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { EventPanel } from "../events/detail.tsx";
import { EventsQuery } from "../events/documents.ts";
import { Went } from "../events/went.tsx";

/** Milliseconds until the newest are asked for again. */
const ASKED_MS = 3_000;

export function Events() {
  const [query, setQuery] = useSearchParams();
  const [after, setAfter] = useState<string | null>(null);
  const [id, setId] = useState("");
  const [result, ask] = useQuery({ query: EventsQuery, variables: { after } });
  const again = useCallback(() => ask({ requestPolicy: "network-only" }), [ask]);
  useEvery(ASKED_MS, again);
  const shown = query.get("id");
  const open = (next: string | null) => setQuery(next === null ? {} : { id: next });
  return (
    <Page title="Events" hint="Everything that was accepted, also what no webhook wanted, newest first; and where each went.">
      <form
        style={{ display: "flex", flexWrap: "wrap", gap: 8, marginBottom: 10 }}
        onSubmit={(event) => {
          event.preventDefault();
          if (id.trim() !== "") open(id.trim());
        }}
      >
        <TextInput
          size="xs"
          w={320}
          aria-label="Id of an event"
          placeholder="evt_…"
          leftSection={<IconSearch size={14} />}
          value={id}
          onChange={(event) => setId(event.currentTarget.value)}
        />
        <Button size="xs" variant="default" type="submit">
          Show
        </Button>
      </form>
      <Loaded of={result} retry={again}>
        {({ events: { edges, pageInfo } }) =>
          edges.length === 0 ? (
            <Empty icon={IconBolt} title="No events yet">
              Each event that is accepted appears here, whether a webhook takes it or not.
            </Empty>
          ) : (
            <>
              <DataTable
                label="Events"
                rows={edges.map((edge) => edge.node)}
                keyOf={(row) => row.id}
                open={(row) => open(row.id)}
                columns={[
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
                  { head: "Accepted", width: 120, cell: (row) => <Moment at={row.createdAt} /> },
                ]}
              />
              <Pager after={after} pageInfo={pageInfo} setAfter={setAfter} />
            </>
          )
        }
      </Loaded>
      {shown !== null && <EventPanel id={shown} close={() => open(null)} />}
    </Page>
  );
}
