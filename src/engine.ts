/**
 * The core of one process, wired in one place: events in, lanes, deliveries out, the live feed. `app.ts`, tests and the
 * bench build it alike.
 */
import { newId } from "./clock.ts";
import type { Core } from "./core.ts";
import { createEpoch } from "./db/epoch.ts";
import type { Queue } from "./db/queue.ts";
import { createCatalogs } from "./definitions/catalog.ts";
import { createEgress, type Egress } from "./delivery/egress.ts";
import { createDefinitionChores } from "./delivery/lane-chores.ts";
import { createLoop, type Loop } from "./delivery/loop.ts";
import { createMailer, deliverMail, MAIL_JOB, stateChangeMail } from "./delivery/mail.ts";
import { createNumbers, type Numbers } from "./delivery/numbers.ts";
import { createPlans, type Plans } from "./delivery/plan.ts";
import { createSandbox, type Sandbox } from "./delivery/sandbox/sandbox.ts";
import { createSender, type Sender } from "./delivery/sender.ts";
import type { Settlement } from "./delivery/settlement.ts";
import type { PayloadQuery } from "./delivery/shaping.ts";
import { createTransport, type Transport } from "./delivery/transport.ts";
import { warnOfBlock } from "./delivery/warn.ts";
import { createWorker, type Worker } from "./delivery/worker.ts";
import { createIngest, type Ingest } from "./events/ingest.ts";
import { announceStopped, STOPPED_JOB } from "./events/stopped.ts";
import { createFeed, type Feed, type FeedLimits } from "./live/feed.ts";
import { watchFigures } from "./requests/figures.ts";
import { REPLAY_JOB } from "./requests/replay.ts";

export interface EngineOptions {
  /** Started already, with `ENGINE_JOBS`. */
  queue: Queue;
  payloadQuery: PayloadQuery;
  /** Whether lanes are delivered and chores done here. */
  worker: boolean;
  /** CloudEvents `source` of what is sent. */
  source: () => string;
  /** Shared with others; else made here, and closed by `stop`. */
  sandbox?: Sandbox;
  /** Certificates of test servers, PEM. */
  trust?: string[];
  /** Around the transport made here. */
  wrapTransport?: (transport: Transport) => Transport;
  leaseMs?: number;
  feedLimits?: Partial<FeedLimits>;
  /** Told of each settled attempt, for metrics and the log. */
  onSettled?: (settlement: Settlement) => void;
}

export interface Engine {
  /** Of this run of this process: whose roll-ups are whose. */
  readonly processId: string;
  readonly numbers: Numbers;
  /** What domain functions leave for later, in their own transaction. */
  readonly jobs: Pick<Queue, "send">;
  readonly egress: Egress;
  readonly sandbox: Sandbox;
  readonly payloadQuery: PayloadQuery;
  readonly plans: Plans;
  readonly sender: Sender;
  readonly worker: Worker | undefined;
  readonly ingest: Ingest;
  readonly feed: Feed;
  /** What changed definitions mean for their lanes, in the background. */
  readonly chores: Loop;
  /** Lanes are claimed, jobs taken. The feed is started apart, by whoever serves subscribers. */
  start(): Promise<void>;
  /** Takes nothing new, lets what is in flight end. @returns true when all was settled within `graceMs` */
  drain(graceMs: number): Promise<boolean>;
  /** After `drain`. */
  stop(): Promise<void>;
}

/** Kinds of jobs that the engine sends and takes. */
export const ENGINE_JOBS = [STOPPED_JOB, MAIL_JOB, REPLAY_JOB] as const;

/** Marks on definitions: nobody tells of one whose setter died. */
const CHORES_MS = 5_000;
const DRAINING_MS = 1_000;
/** A restore or a failover is noticed so soon; a subscription and a look of the live feed notice it by themselves. */
const EPOCH_MS = 1_000;

function definitionLoop(core: Core): Loop {
  const chores = createDefinitionChores(core);
  const waits = { MORE: 0, WAITS: DRAINING_MS, DONE: CHORES_MS };
  return createLoop(async () => waits[await chores.run()], { log: core.log, what: "telling lanes of a changed definition" });
}

export function createEngine(core: Core, options: EngineOptions): Engine {
  const { queue, payloadQuery } = options;
  watchFigures(core);
  const processId = newId(core.clock);
  const numbers = createNumbers(core.db, core.clock);
  const egress = createEgress({ allow: core.config.egressAllow });
  const sandbox = options.sandbox ?? createSandbox({ clock: core.clock });
  const made = createTransport({ egress, clock: core.clock, ...(options.trust && { trust: options.trust }) });
  const transport = options.wrapTransport?.(made) ?? made;
  const plans = createPlans(core);
  const sender = createSender(core, { transport, engines: { sandbox, payloadQuery }, publicUrl: options.source });
  const worker = options.worker
    ? createWorker(core, {
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
          if (settlement.blocks) warnOfBlock(core, settlement);
          options.onSettled?.(settlement);
        },
        ...(options.leaseMs !== undefined && { leaseMs: options.leaseMs }),
      })
    : undefined;
  const catalogs = createCatalogs();
  const ingest = createIngest(core, { lanes: worker, queue, numbers, catalogs });
  const epoch = createEpoch(core.db, core.log);
  const feed = createFeed(core, options.feedLimits, epoch);
  epoch.on(() => {
    catalogs.clear();
    plans.clear();
  });
  const watchEpoch = createLoop(() => epoch.look().then(() => EPOCH_MS), { log: core.log, what: "looking at the database's epoch" });
  const chores = definitionLoop(core);
  let stopListening: (() => void) | undefined;

  return {
    ...{ processId, numbers, jobs: queue, egress, sandbox, payloadQuery, plans, sender, worker, ingest, feed, chores },
    async start() {
      watchEpoch.start();
      if (!worker) return;
      const mailer = createMailer(core.config);
      await queue.work(STOPPED_JOB, (job, id) => announceStopped(core, ingest, job, id));
      await queue.work(MAIL_JOB, (mail) => deliverMail(core, mailer, mail));
      worker.start();
      chores.start();
      stopListening = core.notify.on("definition", () => chores.kick());
    },
    async drain(graceMs) {
      stopListening?.();
      await chores.stop();
      return (await worker?.drain(graceMs)) ?? true;
    },
    async stop() {
      await watchEpoch.stop();
      await feed.stop();
      await made.close();
      if (!options.sandbox) await sandbox.close();
    },
  };
}
