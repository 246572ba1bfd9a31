/** What needs a person, before anything else on the page; and the all-clear, which is given only when it is proved. */
import { IconCircleCheck, IconEye, IconHandStop } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { formatCapped, formatCount, plural } from "../components/format.ts";
import { useIsFresh } from "../components/live.tsx";
import classes from "./attention.module.css";
import type { OverviewData } from "./documents.ts";

/** Webhooks of which attempts failed in the time on screen, most failures first. */
export function failingOf(data: OverviewData) {
  return data.deliveryStatistics.definitions
    .map((each) => ({ ...each, failed: each.retried + each.rejected, calls: each.delivered + each.retried + each.rejected }))
    .filter((each) => each.failed > 0)
    .sort((a, b) => b.failed - a.failed);
}

const counted = (count: number, capped: boolean, one: string) =>
  `${formatCapped(count, capped)} ${count === 1 && !capped ? one : `${one}s`}`;
/** Lines of one kind; the rest is a number. */
const MOST_LINES = 5;

interface AttentionProps {
  data: OverviewData;
  at: number | undefined;
  error: string | undefined;
  /** The time that attempts are counted for. */
  label: string;
}

export function Attention({ data, at, error, label }: AttentionProps) {
  const fresh = useIsFresh(at, error);
  const { blockedLanes: blocked, stopped, viewer } = data;
  const named = new Set(blocked.definitions.map((each) => each.webhookDefinition.id));
  // One that fails every time is no less broken for not being blocked.
  const dead = failingOf(data).filter(
    ({ delivered, webhookDefinition: { id, state } }) => delivered === 0 && state === "ACTIVE" && !named.has(id),
  );
  const lines: { key: string; line: ReactNode }[] = [];
  if (viewer?.delivering === false) {
    lines.push({
      key: "off",
      line: "Nothing is delivered: this server was started with HOOKLINE_DELIVERY=off. What comes in waits until it is started without.",
    });
  }
  // While that lasts no lane counts as blocked, so that there is no all-clear.
  if (viewer && viewer.organization.deliveriesPausedAt !== null) {
    lines.push({ key: "paused", line: "All deliveries are paused: nothing is sent until somebody resumes them." });
  }
  for (const { webhookDefinition: definition, ...each } of blocked.definitions) {
    lines.push({
      key: `blocked ${definition.id}`,
      line: (
        <>
          <Link to={`/lanes?view=blocked&definition=${definition.id}`}>{definition.name}</Link>:{" "}
          {counted(each.laneCount, each.laneCountCapped, "lane")} blocked, {counted(each.behindCount, each.behindCountCapped, "request")}{" "}
          behind
        </>
      ),
    });
  }
  const moreBlocked = blocked.definitionCount - blocked.definitions.length;
  if (moreBlocked > 0) {
    lines.push({
      key: "more blocked",
      line: (
        <>
          and <Link to="/lanes?view=blocked">{formatCount(moreBlocked)} more</Link> with blocked lanes
        </>
      ),
    });
  }
  for (const { node: definition } of stopped.edges) {
    lines.push({
      key: `stopped ${definition.id}`,
      line: (
        <>
          <Link to={`/webhooks/${definition.id}`}>{definition.name}</Link> was stopped: too many errors in a row
        </>
      ),
    });
  }
  const moreStopped = stopped.totalCount - stopped.edges.length;
  if (moreStopped > 0) {
    lines.push({
      key: "more stopped",
      line: (
        <>
          and <Link to="/webhooks">{formatCapped(moreStopped, stopped.totalCountCapped)} more</Link> stopped
        </>
      ),
    });
  }
  for (const { webhookDefinition: definition, failed } of dead.slice(0, MOST_LINES)) {
    lines.push({
      key: `dead ${definition.id}`,
      line: (
        <>
          <Link to={`/webhooks/${definition.id}`}>{definition.name}</Link>:{" "}
          {failed === 1 ? "the only attempt" : `all ${plural(failed, "attempt")}`} of the last {label} failed
        </>
      ),
    });
  }
  if (dead.length > MOST_LINES) lines.push({ key: "more dead", line: `and ${formatCount(dead.length - MOST_LINES)} more that only fail` });

  if (lines.length === 0) {
    return fresh ? (
      <p className={classes["calm"]}>
        <IconCircleCheck size={18} stroke={1.8} aria-hidden /> Nothing needs you.
      </p>
    ) : (
      <p className={classes["unsure"]}>
        <IconEye size={18} stroke={1.8} aria-hidden /> Nothing needed you when the server last answered.
      </p>
    );
  }
  return (
    <div className={classes["attention"]} role="status">
      <p className={classes["attentionTitle"]}>
        <IconHandStop size={18} stroke={1.8} aria-hidden /> Needs you
      </p>
      <ul>
        {lines.map(({ key, line }) => (
          <li key={key}>{line}</li>
        ))}
      </ul>
    </div>
  );
}
