/**
 * Chores: what must be done again and again beside delivering, each a scheduled job of pg-boss. Of all processes one does it
 * at a time; one that fails is tried again, and seen in metrics and in a line.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { dropEndedSessions } from "./accounts/drop-old.ts";
import { resumeOrganizationErasures, workOrganizationErasures } from "./accounts/erase-organization.ts";
import type { Core } from "./core.ts";
import { demandSameClock } from "./db/clock-skew.ts";
import type { JobKind, LastRun, Queue } from "./db/queue.ts";
import { sealPlainProperties } from "./definitions/seal-properties.ts";
import { MARKS_JOB } from "./delivery/lane-chores.ts";
import { endLostTests } from "./delivery/lost-tests.ts";
import { makePartitions } from "./delivery/partitions.ts";
import { retireLanes } from "./delivery/retire-lanes.ts";
import { lookForAlerts } from "./events/alerts.ts";
import type { Ingest } from "./events/ingest.ts";
import { createRunMissed } from "./events/missed.ts";
import { dropOldPosts } from "./inbound/posts.ts";
import { sequenceAll, sequenceFeed } from "./live/sequencer.ts";
import { observed } from "./observe/chore.ts";
import { createReading } from "./observe/reading.ts";
import { dropOldUsage } from "./quotas/drop-old.ts";
import { resumeErasures, workErasures } from "./requests/erase.ts";
import { foldDeliveries } from "./requests/fold.ts";
import { findOrphans, type Orphans } from "./requests/orphans.ts";
import { keepPayloadIndex } from "./requests/payload-index.ts";
import { resumeReplays, workReplays } from "./requests/replay-run.ts";
import { deleteOld } from "./requests/retention.ts";

interface Chore {
  /** `minute hour day month weekday`, UTC. */
  cron: string;
  /** @returns what is kept with the job, for whoever looks there */
  run(core: Core, queue: Queue, signal: AbortSignal, ingest: Ingest): Promise<unknown>;
}

/** A partition on its way out makes a look uncertain: then once more. */
const UNSURE_MS = 60_000;
const LOOKS = 5;

async function lookForOrphans(core: Core, signal: AbortSignal): Promise<Orphans | undefined> {
  for (let look = 1; !signal.aborted; look++) {
    const found = await findOrphans(core, signal);
    if (found || signal.aborted) return found;
    if (look === LOOKS) throw new Error(`partitions were on their way out at each of ${LOOKS} looks`);
    await sleep(UNSURE_MS, undefined, { signal, ref: false });
  }
  return undefined;
}

const CHORES: Readonly<Record<string, Chore>> = {
  partitions: { cron: "*/10 * * * *", run: async (core) => ({ made: await makePartitions(core) }) },
  // The feed of an organization that nobody watches is numbered here, so that what waits stays short.
  feed: { cron: "* * * * *", run: (core, _queue, signal) => sequenceAll(core, signal) },
  "roll-ups": { cron: "* * * * *", run: (core, _queue, signal) => foldDeliveries(core, signal) },
  retention: { cron: "*/10 * * * *", run: (core, _queue, signal) => deleteOld(core, signal) },
  "inbound-posts": { cron: "*/10 * * * *", run: (core) => dropOldPosts(core) },
  quotas: { cron: "27 * * * *", run: (core) => dropOldUsage(core) },
  sessions: { cron: "43 * * * *", run: (core, _queue, signal) => dropEndedSessions(core, signal) },
  lanes: { cron: "*/5 * * * *", run: (core, _queue, signal) => retireLanes(core, signal) },
  // Marks that nobody was told of, and tests whose process is gone.
  definitions: {
    cron: "* * * * *",
    run: async (core, queue) => {
      await queue.send(core.db.pool, MARKS_JOB, {});
      return { lostTests: await endLostTests(core) };
    },
  },
  replays: { cron: "* * * * *", run: async (core, queue) => ({ resumed: await resumeReplays(core, queue) }) },
  erasures: {
    cron: "* * * * *",
    run: async (core, queue) => ({
      payloads: await resumeErasures(core, queue),
      organizations: await resumeOrganizationErasures(core, queue),
    }),
  },
  alerts: { cron: "* * * * *", run: (core, queue, signal, ingest) => lookForAlerts(core, ingest, queue, signal) },
  "payload-index": { cron: "* * * * *", run: (core, _queue, signal) => keepPayloadIndex(core, signal) },
  orphans: { cron: "17 3 * * *", run: (core, _queue, signal) => lookForOrphans(core, signal) },
};

const NAMES = Object.keys(CHORES);
/** Longer than between two runs of any: the last one can always be seen. */
const KEPT_SECONDS = 48 * 3_600;
const jobOf = (name: string): JobKind<unknown> => ({
  ...{ name: `chore-${name}`, payload: z.object({}), single: true, keptSeconds: KEPT_SECONDS },
});

export const CHORE_JOBS: readonly JobKind<unknown>[] = NAMES.map(jobOf);

const lastRuns = (db: Core["db"], queue: Queue) =>
  queue.lastRuns(
    db.pool,
    CHORE_JOBS.map(({ name }) => name),
  );

/** Some chores run every minute. */
const OVERDUE_MS = 5 * 60_000;
const OVERDUE_LOOK_MS = 60_000;

/** A line when no chore has ended well for minutes in any process: what keeps jobs from being done may make none of its own. */
export async function warnOfOverdue({ db, warnings }: Core, queue: Queue): Promise<void> {
  const [last] = (await lastRuns(db, queue)).sort((a, b) => a.ageMs - b.ageMs);
  if (last && last.ageMs < OVERDUE_MS) return;
  warnings.warn(
    "chores-overdue",
    "",
    { lastEnded: last?.at ?? null },
    "no chore has ended well for minutes: retention, partitions, mail and other jobs stand still",
  );
}

export interface Housekeeping {
  /** From now on this process does chores. */
  start(): Promise<void>;
  /** Lets what runs end soon; the rest is done by the next run. */
  stop(): Promise<void>;
}

/** @param queue started with CHORE_JOBS and, to send them, `chores` */
export function createHousekeeping(core: Core, queue: Queue, ingest: Ingest): Housekeeping {
  const ended = new AbortController();
  const running = new Set<Promise<unknown>>();
  let endedAt = core.clock.monotonic();
  let looks: NodeJS.Timeout | undefined;

  return {
    async start() {
      for (const [name, chore] of Object.entries(CHORES)) {
        const work = async () => {
          // What is too old is judged by our clock: one that is wrong would delete everybody's log.
          await demandSameClock(core.clock, core.db.pool);
          return chore.run(core, queue, ended.signal, ingest);
        };
        const run = observed(core, name, work, ended.signal);
        await queue.work(jobOf(name), () => {
          const work = run().then((result) => {
            endedAt = core.clock.monotonic();
            return result;
          });
          running.add(work);
          return work.finally(() => running.delete(work));
        });
        await queue.schedule(jobOf(name), chore.cron);
      }
      // Other processes are asked only where none has ended here.
      looks = setInterval(() => {
        // A database that is away is told by readiness.
        if (core.clock.monotonic() - endedAt >= OVERDUE_MS) void warnOfOverdue(core, queue).catch(() => undefined);
      }, OVERDUE_LOOK_MS).unref();
      await workReplays(core, queue, createRunMissed(core, ingest));
      await workErasures(core, queue, async (organizationId) => (await sequenceFeed(core, organizationId)).complete);
      await sealPlainProperties(core);
      await workOrganizationErasures(core, queue);
    },
    async stop() {
      ended.abort();
      clearInterval(looks);
      await Promise.allSettled(running);
    },
  };
}

const choreOf = (run: LastRun) => run.name.slice("chore-".length);

/** Shows at /metrics what chores came to, whichever process did them. */
export function watchChores({ db, metrics, clock }: Core, queue: Queue): void {
  const reading = createReading(() => lastRuns(db, queue), { monotonic: () => clock.monotonic() });
  metrics.figures(
    () => reading.get(),
    [
      {
        name: "hookline_chore_last_success_timestamp_seconds",
        help: "When a chore last ended well, in any process, in seconds since 1970.",
        labels: ["chore"],
        of: (runs) => runs.map((run) => [run.at.getTime() / 1_000, { chore: choreOf(run) }]),
      },
      {
        name: "hookline_chore_last_duration_seconds",
        help: "How long a chore took when it last ended well, in any process.",
        labels: ["chore"],
        of: (runs) => runs.map((run) => [run.seconds, { chore: choreOf(run) }]),
      },
      {
        name: "hookline_payload_index_left",
        help: "Partitions of events whose index of payloads is still to be made, or to be dropped, at the last look.",
        of: (runs) =>
          runs
            .filter((run) => choreOf(run) === "payload-index" && run.output !== null)
            .map((run) => [(run.output as { left: number }).left, {}]),
      },
      {
        name: "hookline_orphans",
        help: "Rows that hung on something that is not there, by kind, at the last look (once a day). Anything but 0 is a fault of Hookline.",
        labels: ["kind"],
        of: (runs) =>
          runs
            .filter((run) => choreOf(run) === "orphans" && run.output !== null)
            .flatMap((run) => Object.entries(run.output as Record<string, number>).map(([kind, count]) => [count, { kind }] as const)),
      },
    ],
    true,
  );
}
