/** What the table of lanes says of each. */
import { Link } from "react-router";
import { formatAgo, formatCount, formatMoment } from "../components/format.ts";
import type { Column } from "../components/table.tsx";
import { Tag } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { Why } from "../request/why.tsx";
import type { Lane } from "./documents.ts";

/** Why it does not go on, when that is not what happened to its head. */
function reasonOf(lane: Lane): string {
  if (lane.state === "PAUSED") {
    if (lane.reason === "ALL_PAUSED") return "All deliveries are paused";
    return lane.webhookDefinition.state === "ACTIVE" ? "Paused by an operator" : "Its webhook is stopped; what is queued is kept";
  }
  if (lane.reason === "EARLIER_EPOCH") return "Waits for lanes of before the ordering of its webhook changed";
  if (lane.state === "BLOCKED") return "This webhook stops at what fails: resend it or skip it";
  if (lane.state === "LEASED") return "A worker is sending";
  if (lane.state === "READY") return "Waits for a free worker";
  return lane.state === "IDLE" ? "Nothing to send" : "";
}

/** Since when its head has failed, or it was paused. */
const failingSince = (lane: Lane) =>
  lane.state === "WAITING" || lane.state === "BLOCKED" ? (lane.head?.begun.edges[0]?.node.startedAt ?? lane.since) : lane.since;

function Next({ lane, now }: { lane: Lane; now: number }) {
  if (lane.state === "BLOCKED") return <span>A person decides</span>;
  if (lane.state !== "WAITING" || lane.until === null) return <span className="quiet">–</span>;
  return (
    <time className="num" dateTime={lane.until} title={formatMoment(lane.until)}>
      {new Date(lane.until).getTime() <= now ? "Due now" : formatAgo(lane.until, now)}
    </time>
  );
}

export const laneColumns = (now: number): Column<Lane>[] => [
  { head: "State", width: 104, cell: (lane) => <Tag kind="lane" state={lane.state} /> },
  {
    head: "Webhook",
    width: "17%",
    cell: (lane) => (
      <>
        <Link className="plain" to={`/webhooks/${lane.webhookDefinition.id}`}>
          {lane.webhookDefinition.name}
        </Link>
        {lane.key && (
          <>
            {" "}
            <span className="quiet mono">{lane.key}</span>
          </>
        )}
      </>
    ),
  },
  {
    head: "Head",
    width: 70,
    cell: ({ head }) =>
      head ? (
        <Link className="num" to={`/log/${head.number}`} title={`${head.eventType} ${head.entity ?? ""} ${head.entityId ?? ""}`}>
          #{head.number}
        </Link>
      ) : (
        <span className="quiet">–</span>
      ),
  },
  {
    head: "Reason",
    width: "28%",
    cell: (lane) => {
      const reason = reasonOf(lane);
      return (
        <div>
          {lane.head && <Why request={lane.head} />}
          {reason !== "" && <span className="quiet">{reason}</span>}
        </div>
      );
    },
  },
  { head: "Failing since", width: 100, cell: (lane) => <Ago at={failingSince(lane)} fallback="–" /> },
  { head: "Behind", width: 70, align: "right", cell: (lane) => <span className="num">{formatCount(lane.pendingCount)}</span> },
  { head: "Next", width: 110, cell: (lane) => <Next lane={lane} now={now} /> },
];
