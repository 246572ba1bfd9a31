/** A recovery that goes on: how far it is, a way to end it, and how it ended. */
import { Button, Progress } from "@mantine/core";
import { useCallback, useEffect, useState } from "react";
import { Link } from "react-router";
import { useClient } from "urql";
import { useEvery } from "../components/clock.ts";
import { formatCount, formatDuration, plural } from "../components/format.ts";
import { Refusal } from "../components/refusal.tsx";
import { tell, useAct } from "../graphql/act.ts";
import classes from "./recover.module.css";
import { CancelReplay, type Replay, ReplayQuery } from "./recovery-documents.ts";

const EVERY_MS = 1_000;

const STATES: Record<Replay["state"], { word: string; color: string }> = {
  RUNNING: { word: "Sending", color: "accent" },
  DONE: { word: "Done", color: "teal" },
  FAILED: { word: "Ended early: the webhook was stopped or deleted", color: "red" },
  CANCELLED: { word: "Cancelled", color: "gray" },
};

export interface Started {
  replay: Replay;
  /** Whose requests. */
  name: string;
  webhookId: string | undefined;
}

/** Where what was sent again is found in the log. */
function logOf({ replay, webhookId }: Started): string {
  const query = new URLSearchParams({ state: "REJECTED,WAITING" });
  if (webhookId !== undefined) query.set("definition", webhookId);
  // MISSED makes new requests: they are younger than the replay. REJECTED ones keep their own times.
  if (replay.kind === "MISSED") query.set("from", replay.createdAt);
  return `/log?${query}`;
}

export function ReplayRun({ started, ended }: { started: Started; ended?: (replay: Replay) => void }) {
  const client = useClient();
  const { act, busy, failure } = useAct({ inPlace: true });
  const [replay, setReplay] = useState(started.replay);
  const [away, setAway] = useState(false);
  const running = replay.state === "RUNNING";
  useEvery(
    EVERY_MS,
    useCallback(async () => {
      if (!running) return;
      const { data } = await client.query(ReplayQuery, { id: started.replay.id }, { requestPolicy: "network-only" }).toPromise();
      setAway(!data);
      if (data?.node?.__typename === "Replay") setReplay(data.node);
    }, [client, running, started.replay.id]),
  );
  const { word, color } = STATES[replay.state];
  // biome-ignore lint/correctness/useExhaustiveDependencies: told once, when it ends
  useEffect(() => {
    if (running || started.replay.state !== "RUNNING") return;
    tell(`${started.name}: ${word.toLowerCase()}, ${plural(replay.done, "request")} of ${formatCount(replay.total)}`);
    ended?.(replay);
  }, [running]);
  const passed = replay.done + replay.failed;
  const percent = replay.total === 0 ? (running ? 0 : 100) : Math.min(100, (100 * passed) / replay.total);
  return (
    <section className={classes["run"]} aria-label={`Recovery of ${started.name}`}>
      <div className={classes["runHead"]}>
        <span>
          <strong>{started.name}</strong>{" "}
          <span className="num" role="status">
            {word}: {formatCount(replay.done)} of {formatCount(replay.total)}
          </span>
        </span>
        {running && (
          <Button
            size="xs"
            variant="default"
            loading={busy}
            onClick={async () => {
              const cancelled = await act(CancelReplay, { input: { id: replay.id } });
              if (cancelled) setReplay(cancelled);
            }}
          >
            Cancel recovery
          </Button>
        )}
      </div>
      <Progress value={percent} color={color} size="sm" aria-label={`Progress of ${started.name}`} />
      {!running && (
        <p className={classes["note"]}>
          {replay.failed > 0 ? (
            <strong>{plural(replay.failed, "request")} could not be queued: their webhook was deleted, or their payload erased. </strong>
          ) : (
            "All that it came to was queued. "
          )}
          {replay.finishedAt !== null && <>It took {formatDuration(Date.parse(replay.finishedAt) - Date.parse(replay.createdAt))}. </>}
          <Link to={logOf(started)}>What failed again</Link>
        </p>
      )}
      {running && (
        <p className={classes["note"]}>
          {away && <strong role="status">The server does not answer: how far this is shows when it does. </strong>}
          You may close this; it goes on by itself.
        </p>
      )}
      <Refusal failure={failure} />
    </section>
  );
}
