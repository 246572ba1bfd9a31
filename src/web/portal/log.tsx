/** The requests of one webhook, newest first, as they happen. */
import { Button } from "@mantine/core";
import { IconListDetails } from "@tabler/icons-react";
import { useCallback, useEffect, useState } from "react";
import { Link, useNavigate } from "react-router";
import { type CombinedError, useClient } from "urql";
import { formatDuration } from "../components/format.ts";
import { Section } from "../components/page.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip, Tag } from "../components/tag.tsx";
import { Moment } from "../components/time.tsx";
import { PortalLog, type PortalRow } from "./documents.ts";
import { followPortal, type PortalLive } from "./live.ts";

const LIVE: Record<PortalLive, string> = { connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…" };

/** A row that is there is replaced, a new one comes first: rows are in the order of their ids. */
function withRow(rows: PortalRow[], row: PortalRow): PortalRow[] {
  const rest = rows.filter((each) => each.id !== row.id);
  const at = rest.findIndex((each) => each.id < row.id);
  return at === -1 ? [...rest, row] : rest.toSpliced(at, 0, row);
}

export function PortalLogList({ webhookId }: { webhookId: string }) {
  const client = useClient();
  const navigate = useNavigate();
  const [rows, setRows] = useState<PortalRow[]>();
  const [error, setError] = useState<CombinedError>();
  const [older, setOlder] = useState<string | null>(null);
  const [live, setLive] = useState<PortalLive>("connecting");
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound((last) => last + 1), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another round reads all anew
  useEffect(() => {
    let end = () => {};
    let gone = false;
    const filter = { webhookDefinitionId: webhookId };
    async function begin() {
      const { data, error: failed } = await client.query(PortalLog, { filter }, { requestPolicy: "network-only" }).toPromise();
      if (gone) return;
      setError(failed);
      if (!data) return;
      const { edges, pageInfo } = data.webhookRequests;
      setRows(edges.map((edge) => edge.node));
      setOlder(pageInfo.hasNextPage ? pageInfo.endCursor : null);
      end = followPortal({
        filter,
        after: data.liveCursor,
        status: setLive,
        next: (row) => setRows((last) => withRow(last ?? [], row)),
        lost: again,
      });
    }
    void begin();
    return () => {
      gone = true;
      end();
    };
  }, [client, webhookId, round]);

  async function more() {
    const variables = { filter: { webhookDefinitionId: webhookId }, after: older };
    const { data } = await client.query(PortalLog, variables, { requestPolicy: "network-only" }).toPromise();
    if (!data) return;
    const { edges, pageInfo } = data.webhookRequests;
    setRows((last) => edges.reduce((all, edge) => withRow(all, edge.node), last ?? []));
    setOlder(pageInfo.hasNextPage ? pageInfo.endCursor : null);
  }

  return (
    <Section title="Requests" actions={<Chip tone={live === "live" ? "ok" : "mute"}>{LIVE[live]}</Chip>}>
      <Loaded of={{ data: rows, error, fetching: rows === undefined }} retry={again}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon={IconListDetails} title="Nothing was sent yet">
              Each event that this webhook takes appears here as it is sent. A test shows at once how it goes.
            </Empty>
          ) : (
            <DataTable
              label="Requests"
              rows={all}
              keyOf={(row) => row.id}
              open={(row) => navigate(`/portal/requests/${row.number}`)}
              columns={[
                {
                  head: "Number",
                  label: "",
                  width: 110,
                  cell: (row) => (
                    <Link className="plain num" to={`/portal/requests/${row.number}`}>
                      #{row.number}
                    </Link>
                  ),
                },
                {
                  head: "Event",
                  cell: (row) => (
                    <>
                      <span className="mono">{row.eventType}</span>{" "}
                      <span className="quiet">{row.entityId === null ? "" : `${row.entity ?? ""} ${row.entityId}`}</span>{" "}
                      {row.isTest && <Chip tone="mute">Test</Chip>}
                    </>
                  ),
                },
                { head: "State", width: 130, cell: (row) => <Tag kind="request" state={row.state} /> },
                {
                  head: "Answer",
                  width: 190,
                  cell: (row) => {
                    const last = row.attempts.edges[0]?.node;
                    if (!last) return <span className="quiet">not sent yet</span>;
                    return (
                      <span className="num">
                        {last.statusCode === null ? row.errorCode : `HTTP ${last.statusCode}`}{" "}
                        <span className="quiet">{formatDuration(last.durationMs)}</span>
                      </span>
                    );
                  },
                },
                { head: "When", width: 120, cell: (row) => <Moment at={row.createdAt} /> },
              ]}
            />
          )
        }
      </Loaded>
      {older !== null && (
        <Button variant="default" mt="md" onClick={() => void more()}>
          Older
        </Button>
      )}
    </Section>
  );
}
