/** Whether what is on screen is of now: a dot and a word, and how old it is when it is not. */
import type { LiveStatus } from "../graphql/live.ts";
import { useNow } from "./clock.ts";
import { formatSeconds } from "./format.ts";
import classes from "./live.module.css";

const STATUS: Record<LiveStatus, string> = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting; nothing will be missed",
  paused: "Paused",
};

export function LiveMark({ status, word = STATUS[status] }: { status: LiveStatus; word?: string }) {
  return (
    <span className={classes["status"]} data-status={status} role="status">
      <span className={classes["dot"]} aria-hidden />
      {word}
    </span>
  );
}

/** Milliseconds after which figures are no longer of now. */
const STALE_MS = 3_500;

/** @param at when the server was asked; undefined: not yet */
export function useIsFresh(at: number | undefined, error: string | undefined): boolean {
  const now = useNow(500);
  return at !== undefined && error === undefined && now - at <= STALE_MS;
}

export function Freshness({ at, error }: { at: number | undefined; error: string | undefined }) {
  const now = useNow(500);
  const fresh = useIsFresh(at, error);
  if (fresh) return <LiveMark status="live" />;
  if (at === undefined) return <LiveMark status="connecting" />;
  const age = formatSeconds(Math.max(1, Math.round((now - at) / 1_000)));
  return <LiveMark status="reconnecting" word={`${age} old${error === undefined ? "" : ", not renewed"}`} />;
}
