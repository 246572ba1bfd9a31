/** The log of an inbound webhook: what became of each post, those that were refused with the reason that their sender is not told. */
import { Button, Modal } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useCallback, useState } from "react";
import { Link } from "react-router";
import { useQuery } from "urql";
import { useEvery } from "../components/clock.ts";
import { formatCount } from "../components/format.ts";
import { Pager } from "../components/pager.tsx";
import { Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip, type Tone } from "../components/tag.tsx";
import { Moment } from "../components/time.tsx";
import { PostsQuery } from "./source-documents.ts";

const OUTCOMES: Record<string, { word: string; tone: Tone }> = {
  ACCEPTED: { word: "Accepted", tone: "ok" },
  DUPLICATE: { word: "Same as an earlier one", tone: "mute" },
  SKIPPED: { word: "Skipped", tone: "mute" },
  CHALLENGE: { word: "Challenge answered", tone: "mute" },
  REFUSED: { word: "Refused", tone: "bad" },
};
/** Milliseconds until the newest posts are asked for again. */
const ASKED_MS = 3_000;

interface PostsButtonProps {
  source: { name: string; acceptedCount: number; refusedCount: number };
  /** Shown in red. */
  failing?: boolean;
  open: () => void;
}

/** How many came, and the way to their log. */
export function PostsButton({ source, failing = false, open }: PostsButtonProps) {
  const counts = `${formatCount(source.acceptedCount)} accepted, ${formatCount(source.refusedCount)} refused`;
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      {...(failing ? { color: "red", leftSection: <IconAlertTriangle size={13} /> } : { color: "gray" })}
      onClick={open}
      aria-label={`Posts to ${source.name}: ${counts}`}
    >
      <span className="num">{counts}</span>
    </Button>
  );
}

export function Posts({ source, close }: { source: { id: string; name: string }; close: () => void }) {
  const [after, setAfter] = useState<string | null>(null);
  const [result, ask] = useQuery({ query: PostsQuery, variables: { id: source.id, after } });
  const again = useCallback(() => ask({ requestPolicy: "network-only" }), [ask]);
  useEvery(ASKED_MS, again);
  return (
    <Modal opened onClose={close} size="xl" title={`Posts to ${source.name}`} closeButtonProps={{ "aria-label": "Close" }}>
      <p className="quiet" style={{ marginTop: 0 }}>
        Those of the last 7 days with the right key, newest first; never what was in them.
      </p>
      <Loaded of={result} retry={again} rows={4}>
        {({ node }) => {
          if (node?.__typename !== "InboundWebhook") return <p>It is gone.</p>;
          const { edges, pageInfo } = node.posts;
          return (
            <>
              <DataTable
                label="Posts"
                rows={edges.map((edge, place) => ({ ...edge.node, place }))}
                keyOf={(row) => `${row.receivedAt} ${row.place}`}
                columns={[
                  { head: "When", width: 110, cell: (row) => <Moment at={row.receivedAt} /> },
                  {
                    head: "Outcome",
                    width: 190,
                    cell: (row) => <Chip tone={OUTCOMES[row.outcome]?.tone ?? "mute"}>{OUTCOMES[row.outcome]?.word ?? row.outcome}</Chip>,
                  },
                  { head: "Status", width: 70, cell: (row) => <span className="num">{row.status}</span> },
                  {
                    head: "Why, or which event",
                    cell: (row) => row.reason ?? (row.eventId !== null && <Link to={`/events?id=${row.eventId}`}>Its event</Link>),
                  },
                ]}
              />
              {edges.length === 0 && <p className="quiet">Nothing was posted yet.</p>}
              <Pager after={after} pageInfo={pageInfo} setAfter={setAfter} />
            </>
          );
        }}
      </Loaded>
    </Modal>
  );
}
