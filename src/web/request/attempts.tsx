/** The attempts on a time line: when each was made, how it ended, how long it took, and when the next one comes. */
import { useNow } from "../components/clock.ts";
import { formatAgo, formatDuration, formatMoment, formatSeconds } from "../components/format.ts";
import { Tag } from "../components/tag.tsx";
import classes from "./attempts.module.css";
import type { AttemptDetail, RequestDetail } from "./documents.ts";
import { causeOf } from "./sentence.ts";

/** No further attempt comes by itself. */
const SETTLED_BADLY: ReadonlySet<RequestDetail["state"]> = new Set(["REJECTED", "SKIPPED", "CANCELLED"]);

interface AttemptsProps {
  request: RequestDetail;
  attempts: AttemptDetail[];
  chosen: number | undefined;
  choose: (number: number) => void;
}

export function Attempts({ request, attempts, chosen, choose }: AttemptsProps) {
  const now = useNow(1_000);
  let before = new Date(request.createdAt).getTime();
  return (
    <ol className={classes["line"]} aria-label="Attempts">
      <li className={classes["event"]}>
        <span className={classes["mark"]} data-tone="mute" />
        <span className="quiet">Accepted</span>
        <time className="quiet num" dateTime={request.createdAt}>
          {formatMoment(request.createdAt)}
        </time>
      </li>
      {attempts.map((attempt) => {
        const started = new Date(attempt.startedAt).getTime();
        const gap = Math.max(0, started - before) / 1_000;
        before = started + attempt.durationMs;
        // Red is what nothing follows: a failed attempt that was, or will be, tried again is amber.
        const last = attempt.number === attempts.at(-1)?.number && SETTLED_BADLY.has(request.state);
        const tone = attempt.outcome === "DELIVERED" ? "ok" : attempt.outcome === "INTERRUPTED" ? "mute" : last ? "bad" : ("warn" as const);
        return (
          <li key={attempt.id}>
            {gap >= 1 && <span className={classes["gap"]}>{formatSeconds(Math.round(gap))} later</span>}
            <button
              type="button"
              className={classes["attempt"]}
              aria-pressed={attempt.number === chosen}
              onClick={() => choose(attempt.number)}
            >
              <span className={classes["mark"]} data-tone={tone} />
              <span className={classes["what"]}>
                {tone === "ok" ? (
                  <>
                    <Tag kind="outcome" state={attempt.outcome} bare />
                    <span className="num">{attempt.statusCode === null ? "" : `HTTP ${attempt.statusCode}`}</span>
                  </>
                ) : (
                  <span className={classes["cause"]} data-tone={tone}>
                    {causeOf(attempt)}
                  </span>
                )}
              </span>
              <span className={`quiet num ${classes["took"]}`}>{formatDuration(attempt.durationMs)}</span>
              {attempt.replyLine !== null && <span className={`mono ${classes["reply"]}`}>{attempt.replyLine}</span>}
              <span className={`quiet ${classes["when"]}`}>
                Attempt {attempt.number}
                {attempt.manual ? ", by hand" : ""} ·{" "}
                <time className="num" dateTime={attempt.startedAt}>
                  {formatMoment(attempt.startedAt)}
                </time>
              </span>
            </button>
          </li>
        );
      })}
      {request.state === "WAITING" && request.nextAttemptAt !== null && (
        <li className={classes["event"]}>
          <span className={classes["mark"]} data-tone="warn" data-open />
          <span>Next attempt {formatAgo(request.nextAttemptAt, now)}</span>
          <time className="quiet num" dateTime={request.nextAttemptAt}>
            {formatMoment(request.nextAttemptAt)}
          </time>
        </li>
      )}
      {request.state === "PENDING" && (
        <li className={classes["event"]}>
          <span className={classes["mark"]} data-tone="mute" data-open />
          <span>Waits for its turn</span>
        </li>
      )}
    </ol>
  );
}
