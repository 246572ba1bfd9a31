/** The requests of one webhook, newest first, as they happen. */
import { Button } from "@mantine/core";
import { IconListDetails } from "@tabler/icons-react";
import { useCallback, useEffect, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { type CombinedError, useClient } from "urql";
import { formatDuration } from "../components/format.ts";
import { Section } from "../components/page.tsx";
import { Empty, Loaded, Partly } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip, Tag } from "../components/tag.tsx";
import { Moment } from "../components/time.tsx";
import type { ResultOf } from "../graphql/tada.ts";
import { PortalLog, type PortalRow } from "./documents.ts";
import { followPortal, type PortalLive } from "./live.ts";
import { type LoadedRows, withPage, withRow } from "./rows.ts";

const LIVE: Record<PortalLive, string> = { connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…" };

/** Milliseconds before a first page that failed is asked for again. */
const RETRY_MS = 2_000;

type Page = ResultOf<typeof PortalLog>["webhookRequests"];

const loadedOf = ({ edges, pageInfo }: Page): LoadedRows => ({
  rows: edges.map((edge) => edge.node),
  older: pageInfo.hasNextPage ? pageInfo.endCursor : null,
});

export function PortalLogList({ webhookId }: { webhookId: string }) {
  const client = useClient();
  const navigate = useNavigate();
  const [loaded, setLoaded] = useState<LoadedRows>();
  const [error, setError] = useState<CombinedError>();
  /** How it stands with the next page of older ones. */
  const [older, setOlder] = useState<{ asked?: boolean; error?: CombinedError | undefined }>({});
  /** Updates that came while that page was on its way. */
  const meanwhile = useRef<PortalRow[]>(undefined);
  const [live, setLive] = useState<PortalLive>("connecting");
  const [round, setRound] = useState(0);
  const again = useCallback(() => setRound((last) => last + 1), []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another round reads all anew
  useEffect(() => {
    let end = () => {};
    let gone = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const filter = { webhookDefinitionId: webhookId };
    async function begin() {
      const { data, error: failed } = await client.query(PortalLog, { filter }, { requestPolicy: "network-only" }).toPromise();
      if (gone) return;
      setError(failed);
      if (!data) {
        setLive("reconnecting");
        timer = setTimeout(begin, RETRY_MS);
        return;
      }
      setLoaded(loadedOf(data.webhookRequests));
      setOlder({});
      end = followPortal({
        filter,
        after: data.liveCursor,
        status: setLive,
        next: (row) => {
          meanwhile.current?.push(row);
          setLoaded((last) => last && withRow(last, row));
        },
        lost: again,
      });
    }
    void begin();
    return () => {
      gone = true;
      clearTimeout(timer);
      end();
    };
  }, [client, webhookId, round]);

  async function more() {
    const after = loaded?.older ?? null;
    const variables = { filter: { webhookDefinitionId: webhookId }, after };
    setOlder({ asked: true });
    meanwhile.current = [];
    const { data, error: failed } = await client.query(PortalLog, variables, { requestPolicy: "network-only" }).toPromise();
    const came = meanwhile.current ?? [];
    meanwhile.current = undefined;
    setOlder({ error: failed });
    if (!data) return;
    const page = loadedOf(data.webhookRequests);
    // All may have been read anew since: the page no longer follows then.
    setLoaded((last) => (last?.older === after ? withPage(last, page, came) : last));
  }

  return (
    <Section title="Requests" actions={<Chip tone={live === "live" ? "ok" : "mute"}>{LIVE[live]}</Chip>}>
      <Loaded of={{ data: loaded?.rows, error, fetching: loaded === undefined }} retry={again}>
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
      <Partly of={older} retry={() => void more()} />
      {loaded && loaded.older !== null && (
        <Button variant="default" mt="md" loading={older.asked ?? false} onClick={() => void more()}>
          Older
        </Button>
      )}
    </Section>
  );
}
