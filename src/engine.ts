/**
 * The core of one process, wired in one place: events in, lanes, deliveries out, the live feed. `app.ts`, tests and the
 * bench build it alike.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { ERASE_ORGANIZATION_JOB } from "./accounts/erase-organization.ts";
import { newId } from "./clock.ts";
import type { Core } from "./core.ts";
import { readJsonWith } from "./db/client.ts";
import { createEpoch } from "./db/epoch.ts";
import type { Queue } from "./db/queue.ts";
import { createCatalogs } from "./definitions/catalog.ts";
import { createEgress, type Egress } from "./delivery/egress.ts";
import type { Places } from "./delivery/fairness/places.ts";
import { createOutHints } from "./delivery/hints.ts";
import { createDefinitionChores, doMarks, MARKS_JOB } from "./delivery/lane-chores.ts";
import { createLoop } from "./delivery/loop.ts";
import { createMailer, deliverMail, MAIL_JOB, MAILS_AT_ONCE, type Mail, stateChangeMail } from "./delivery/mail.ts";
import { createNumbers, type Numbers } from "./delivery/numbers.ts";
import { createPlans, type Plans } from "./delivery/plan.ts";
import { createRefusalLog } from "./delivery/refusal-log.ts";
import { createSandbox, type Sandbox } from "./delivery/sandbox/sandbox.ts";
import { createSender, type Sender } from "./delivery/sender.ts";
import type { Settlement } from "./delivery/settlement.ts";
import type { PayloadQuery } from "./delivery/shaping.ts";
import { createTransport, type Transport } from "./delivery/transport.ts";
import { warnOfBlock } from "./delivery/warn.ts";
import { createWorker, type Worker } from "./delivery/worker.ts";
import { createIngest, type Ingest } from "./events/ingest.ts";
import { MAIL_FAILED_JOB, mailWentOut, tellMailFailed } from "./events/mail-failed.ts";
import { tellQuotaReached } from "./events/quota-reached.ts";
import { announceStopped, STOPPED_JOB } from "./events/stopped.ts";
import { createFeed, type Feed, type FeedLimits } from "./live/feed.ts";
import { observed } from "./observe/chore.ts";
import { type OpenQuotas, openQuotas } from "./quotas/open.ts";
import { ERASE_EVENTS_JOB, ERASURE_JOB } from "./requests/erase.ts";
import { watchFigures } from "./requests/figures.ts";
import { REPLAY_JOB } from "./requests/replay.ts";
import { parseJson } from "./wire/json-exact.ts";

export interface EngineOptions {
  /** Started already, with `ENGINE_JOBS`. */
  queue: Queue;
  payloadQuery: PayloadQuery;
  /** Whether lanes are delivered here. */
  worker: boolean;
  /** Whether jobs, and the chores of definitions, are done here; unless said, where lanes are delivered. */
  chores?: boolean;
  /** CloudEvents `source` of what is sent. */
  source: () => string;
  /** Shared with others; else made here, and closed by `stop`. */
  sandbox?: Sandbox;
  /** Certificates of test servers, PEM. */
  trust?: string[];
  /** Around the transport made here. */
  wrapTransport?: (transport: Transport) => Transport;
  leaseMs?: number;
  /** What the worker's lanes may hold together; else as fairness/ says. */
  places?: Places;
  feedLimits?: Partial<FeedLimits>;
  /** Told of each settled attempt, for the log. */
  onSettled?: (settlement: Settlement) => void;
}

export interface Engine {
  /** Of this run of this process: whose roll-ups are whose. */
  readonly processId: string;
  readonly numbers: Numbers;
  /** What domain functions leave for later, in their own transaction. */
  readonly jobs: Pick<Queue, "send" | "forget">;
  readonly egress: Egress;
  readonly sandbox: Sandbox;
  readonly payloadQuery: PayloadQuery;
  readonly plans: Plans;
  readonly sender: Sender;
  readonly worker: Worker | undefined;
  readonly ingest: Ingest;
  readonly feed: Feed;
  readonly quotas: OpenQuotas;
  /** Lanes are claimed, jobs taken. The feed is started apart, by whoever serves subscribers. */
  start(): Promise<void>;
  /** Takes nothing new, lets what is in flight end. @returns true when all was settled within `graceMs` */
  drain(graceMs: number): Promise<boolean>;
  /** After `drain`. */
  stop(): Promise<void>;
}

/** Kinds of jobs that the engine sends and takes. */
export const ENGINE_JOBS = [
  STOPPED_JOB,
  MAIL_JOB,
  MAIL_FAILED_JOB,
  MARKS_JOB,
  REPLAY_JOB,
  ERASURE_JOB,
  ERASE_EVENTS_JOB,
  ERASE_ORGANIZATION_JOB,
] as const;

/**
 * A restore in place is noticed so soon. A failover cuts the connection that listens, and is looked for at once; a subscription
 * and a look of the live feed notice either by themselves.
 */
const EPOCH_MS = 5_000;

/** What changed definitions mean for their lanes: done by one process at a time, woken by whoever heard of a change. */
function createMarks(core: Core, queue: Queue) {
  const chores = createDefinitionChores(core);
  const ended = new AbortController();
  const running = new Set<Promise<unknown>>();
  let stopListening: (() => void) | undefined;
  const send = () => queue.send(core.db.pool, MARKS_JOB, {});
  const wake = () =>
    void send().catch((error: Error) => core.log.warn({ err: error.message }, "lanes of a changed definition are told later"));
  const work = async () => {
    if (!(await doMarks(core, chores, ended.signal))) await send();
  };
  const run = observed(core, MARKS_JOB.name, work, ended.signal);
  return {
    async start() {
      await queue.work(MARKS_JOB, () => {
        const job = run();
        running.add(job);
        return job.finally(() => running.delete(job));
      });
      stopListening = core.notify.on("definition", wake);
      // Marks of those who died before they told anybody.
      wake();
    },
    async stop() {
      stopListening?.();
      ended.abort();
      await Promise.allSettled(running);
    },
  };
}

/** What this process itself does, for /metrics. */
function watchWorker({ metrics, config }: Core, worker: Worker | undefined): void {
  const says = "1: what is due is sent; 0: HOOKLINE_DELIVERY=off, what comes in waits.";
  metrics.gauge("hookline_delivery", says, () => (config.delivery ? 1 : 0), "min");
  if (!worker) return;
  metrics.gauge("hookline_lanes_held", "Lanes whose lease this process holds.", () => worker.stats.held);
  metrics.gauge("hookline_lanes_sending", "Lanes of this process that send now.", () => worker.stats.sending);
  metrics.gauge("hookline_lanes_waiting", "Lanes that are due and wait for a place in this process.", () => worker.stats.waiting);
}

export function createEngine(core: Core, options: EngineOptions): Engine {
  readJsonWith(parseJson);
  const { queue, payloadQuery } = options;
  watchFigures(core);
  const processId = newId(core.clock);
  const numbers = createNumbers(core.db, core.clock);
  const egress = createEgress({ allow: core.config.egressAllow, refused: createRefusalLog(core) });
  const sandbox = options.sandbox ?? createSandbox({ clock: core.clock });
  const connectionAgeMs = core.config.connectionSeconds * 1_000;
  const made = createTransport({ egress, clock: core.clock, connectionAgeMs, ...(options.trust && { trust: options.trust }) });
  const transport = options.wrapTransport?.(made) ?? made;
  const plans = createPlans(core);
  const sender = createSender(core, { transport, engines: { sandbox, payloadQuery }, publicUrl: options.source });
  const hints = createOutHints(core);
  const worker = options.worker
    ? createWorker(core, {
        hints,
        plans,
        sender,
        queue,
        processId,
        async onStop(client, stop) {
          await queue.send(client, STOPPED_JOB, stop);
          const mail = await stateChangeMail(client, stop);
          if (mail) await queue.send(client, MAIL_JOB, mail);
        },
        onSettled(settlement) {
          const { request, attempt, blocks } = settlement;
          if (attempt) core.metrics.attempt(request.dialect, attempt.outcome, attempt.durationMs / 1_000);
          if (blocks) warnOfBlock(core, settlement);
          options.onSettled?.(settlement);
        },
        ...(options.leaseMs !== undefined && { leaseMs: options.leaseMs }),
        ...(options.places && { places: options.places }),
      })
    : undefined;
  const catalogs = createCatalogs((organizationId, { kind, id }) =>
    core.log.warn({ organizationId, [kind]: id }, "a filter took more than 100 000 steps on an event: no match"),
  );
  const quotas = openQuotas(core, processId);
  const ingest = createIngest(core, { lanes: worker, hints, queue, numbers, catalogs, quotas });
  core.refusals.to((refusal) => tellQuotaReached(core, ingest, queue, refusal));
  const epoch = createEpoch(core.db, core.log);
  const feed = createFeed(core, options.feedLimits, epoch);
  epoch.on(() => {
    catalogs.clear();
    plans.clear();
  });
  const watchEpoch = createLoop(() => epoch.look().then(() => EPOCH_MS), { log: core.log, what: "looking at the database's epoch" });
  const marks = createMarks(core, queue);
  watchWorker(core, worker);
  const stopWatching = core.notify.on("definition", (ids) => {
    if (ids.length === 0) watchEpoch.kick();
  });

  return {
    ...{ processId, numbers, jobs: queue, egress, sandbox, payloadQuery, plans, sender, worker, ingest, feed, quotas },
    async start() {
      watchEpoch.start();
      worker?.start();
      if (!(options.chores ?? options.worker)) return;
      const mailer = createMailer(core.config);
      await queue.work(STOPPED_JOB, (job, id) => announceStopped(core, ingest, queue, job, id));
      const sendMail = async (mail: Mail) => {
        if (await deliverMail(core, mailer, mail)) await mailWentOut(core, mail);
      };
      await queue.work(MAIL_JOB, sendMail, MAILS_AT_ONCE);
      await queue.work(MAIL_FAILED_JOB, (mail, _id, failure) => tellMailFailed(core, ingest, queue, mail, failure));
      await marks.start();
    },
    async drain(graceMs) {
      // Marks that are not done with by then are told by the next process.
      const marked = Promise.race([marks.stop(), sleep(graceMs, undefined, { ref: false })]);
      const [settled] = await Promise.all([worker?.drain(graceMs) ?? true, marked]);
      await hints.flush();
      return settled;
    },
    async stop() {
      stopWatching();
      // Of calls and chores that ended after the drain.
      await hints.flush();
      await core.refusals.stop();
      await quotas.stop();
      await watchEpoch.stop();
      await feed.stop();
      await made.close();
      if (!options.sandbox) await sandbox.close();
    },
  };
}
