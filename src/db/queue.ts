/**
 * pg-boss: durable jobs on the same Postgres. A lane's job only wakes it (order is the lane's own work); other jobs do
 * what must not be lost after a commit, such as mail. Jobs are sent inside the caller's transaction, and their payloads
 * are parsed at both ends by the same schema.
 */
import { PgBoss, type WorkWithMetadataHandler } from "pg-boss";
import { z } from "zod";
import { readDatabaseUrl } from "../database-url.ts";
import type { Log } from "../observe/log.ts";
import type { PoolClient } from "./client.ts";
import { createListener } from "./listener.ts";
import { SessionPool } from "./pool.ts";
import { LANE_QUEUE, queueSchemaFor } from "./queue-schema.ts";
import { identifier, POOL_PROFILE } from "./session.ts";

/** A lane's reference and its definition, which is not there in jobs of 0.1. */
const laneJob = z.object({ lane: z.string(), definition: z.uuid().optional() });

/** A lane that somebody should look at. */
export type LaneWake = z.infer<typeof laneJob>;

/** A kind of job: its queue's name and its payload. */
export interface JobKind<T> {
  name: string;
  payload: z.ZodType<T>;
  /** Over all processes at most one runs, and one waits: a further one is no job. It may run for hours. */
  single?: boolean;
  /** How long a job can still be looked at when it is done. */
  keptSeconds?: number;
  /** The kind that takes the payload of a job that failed for good. */
  givenUpTo?: string;
}

/** The last run of a chore that ended well. */
export interface LastRun {
  /** How long ago, by the database's clock. */
  ageMs: number;
  name: string;
  at: Date;
  seconds: number;
  /** What its handler gave back. */
  output: unknown;
}

export interface Queue {
  /**
   * Wake-ups inside the caller's transaction; one waiting job per lane (policy short). The first lane of each definition comes
   * before the second of any, and so on: a definition that wakes very many holds up none of the others.
   */
  wakeLanes(client: PoolClient, lanes: readonly { lane: string; definition: string }[]): Promise<void>;
  /** Takes waiting wake-ups off the queue. */
  takeWakes(): Promise<LaneWake[]>;
  /** @param afterMs not before so many milliseconds are over */
  send<T>(client: Pick<PoolClient, "query">, kind: JobKind<T>, payload: T, afterMs?: number): Promise<void>;
  /** Jobs whose payload names the organization go, whatever became of them, but those of one kind. One that is in hand ends without a trace. */
  forget(client: Pick<PoolClient, "query">, organizationId: string, but: Pick<JobKind<unknown>, "name">): Promise<void>;
  /**
   * A handler that throws is tried again: 8 times, ever later. What it gives back is kept with the job. What a process had in
   * hand when it died is taken over after about two minutes.
   * @param handler.failure why the job that was given up to this kind failed, as JSON; nothing of any other
   */
  work<T>(kind: JobKind<T>, handler: (payload: T, jobId: string, failure: unknown) => Promise<unknown>, atOnce?: number): Promise<void>;
  /** A job without payload whenever `cron` (UTC) says; one that no process was there for is made up for. */
  schedule(kind: JobKind<unknown>, cron: string): Promise<void>;
  /** @param client not of the queue's own pool, so that jobs which are not worked are seen */
  lastRuns(client: Pick<PoolClient, "query">, names: readonly string[]): Promise<LastRun[]>;
  /** @param kinds the queues besides the lanes' own */
  start(kinds: readonly JobKind<unknown>[]): Promise<void>;
  stop(): Promise<void>;
}

/** Wake-ups taken at a time. */
const TAKE = 500;

/**
 * Between two looks for jobs that nobody told of: while LISTEN works those that another process failed at, else all. A process
 * with nothing to do must not take a hundredth of a core.
 */
const LOOK_SECONDS = 30;
const LOOK_SECONDS_DEAF = 2;
/** A process that ended a moment ago may have left a job that is tried again: looked for once more so long after a start. */
const SECOND_LOOK_MS = 4_000;
/** So long after a job can be taken, in milliseconds: that it failed is written by then. */
const AGAIN_MS = 250;
/** And one that was sent for later: it is committed by then. */
const SOON_MS = 20;
/** No job of ours waits for another one: what pg-boss has for those looks once in ten minutes. */
const FLOW_SECONDS = 600;
const HEARTBEAT_SECONDS = 60;
const LONGEST_SECONDS = 12 * 3_600;

/** Connections for jobs; LISTEN has one of its own. */
const CONNECTIONS = 3;

export interface QueueOptions {
  /** Also maintains the queues. */
  worker: boolean;
  /** Also sends what is scheduled. */
  chores?: boolean;
  /** pg-boss's schema; by default the one beside ours. */
  schema?: string;
}

type QueueSettings = Omit<NonNullable<Parameters<PgBoss["createQueue"]>[1]>, "notify">;

/** What pg-boss asks again and again: to look for a job, to send one, to end one. Several statements in one text cannot be prepared. */
function isAskedAgain(text: string): boolean {
  const trimmed = text.trim();
  return trimmed.startsWith("WITH") && !trimmed.slice(0, -1).includes(";");
}

/** A look for many jobs at once is planned for as many as there are: thousands of lanes may wait where none did. */
const MANY = `LIMIT ${TAKE}`;
const MOST_NAMES = 100;

/** @returns the name under which a text is prepared, if it is: planning a look takes five times as long as carrying it out */
export function preparedTexts(): (text: string) => { name?: string } {
  const names = new Map<string, string>();
  return (text) => {
    if (!names.has(text) && names.size < MOST_NAMES && isAskedAgain(text) && !text.includes(MANY)) names.set(text, `jobs-${names.size}`);
    const name = names.get(text);
    return name === undefined ? {} : { name };
  };
}

/** Until a job that fails now is tried again, at most: pg-boss waits for half of this, and for a random part of the other half. */
const latestRetryMs = ({ retryDelay, retryCount }: { retryDelay: number; retryCount: number }): number =>
  retryDelay * 2 ** (retryCount + 1) * 1_000;

/** pg-boss over connections of ours: our settings come first on each, its LISTEN is kept like ours. */
function bossDatabase(url: string, log: Log) {
  const nameOf = preparedTexts();
  const pool = new SessionPool({
    url,
    purpose: "queue",
    max: CONNECTIONS,
    profile: { ...POOL_PROFILE, plans: "generic", statementTimeout: 60_000 },
  });
  return {
    pool,
    executeSql: (text: string, values: unknown[] = []) => pool.query({ ...nameOf(text), text, values }),
    async listen(channel: string, heard: (payload: string) => void, reconnected: () => void) {
      const listener = createListener({
        url,
        log,
        purpose: "queue",
        channels: [channel],
        heard: (_, payload) => heard(payload),
        reconnected,
        moved: (silent) => pool.dropAll(silent),
      });
      await listener.start();
      return { close: () => listener.stop() };
    },
  };
}

export function createQueue(url: string, log: Log, options: QueueOptions): Queue {
  const db = bossDatabase(url, log);
  const schema = options.schema ?? queueSchemaFor(readDatabaseUrl(url).schema);
  const timing = { schedule: options.chores ?? false, cronWorkerIntervalSeconds: LOOK_SECONDS, flowIntervalSeconds: FLOW_SECONDS };
  // Its tables are there: migrations make them, with rights that this session has not.
  // Nobody reads the registry of instances, which measures the event loop fifty times a second.
  const boss = new PgBoss({
    db,
    schema,
    migrate: false,
    useListenNotify: true,
    registerInstance: false,
    supervise: options.worker,
    ...timing,
  });
  /** What a look that failed would have found waits for no other telling. */
  let isLookDue = false;
  boss.on("error", (error) => {
    log.warn({ err: error.message }, "pg-boss");
    if (isLookDue) return;
    isLookDue = true;
    setTimeout(() => {
      isLookDue = false;
      for (const name of workers.keys()) lookAgain(name);
    }, LOOK_SECONDS_DEAF * 1_000).unref();
  });
  const within = (client: Pick<PoolClient, "query">) => ({
    db: { executeSql: (text: string, values?: unknown[]) => client.query(text, values) },
  });
  /** Of each kind that is worked here. */
  const workers = new Map<string, string[]>();
  const lookAgain = (name: string) => {
    for (const worker of workers.get(name) ?? []) boss.notifyWorker(worker);
  };
  /** Neither a job that is tried again nor one that was given up is notified of. */
  const lookLater = (name: string, ms: number) => setTimeout(lookAgain, ms + AGAIN_MS, name).unref();
  return {
    async wakeLanes(client, lanes) {
      const before = new Map<string, number>();
      const jobs = lanes.map((wake) => {
        const rank = before.get(wake.definition) ?? 0;
        before.set(wake.definition, rank + 1);
        return { data: wake, singletonKey: wake.lane, priority: -rank };
      });
      await boss.insert(LANE_QUEUE, jobs, within(client));
    },
    async takeWakes() {
      const jobs = await boss.fetch<unknown>(LANE_QUEUE, { batchSize: TAKE });
      if (jobs.length === 0) return [];
      await boss.deleteJob(
        LANE_QUEUE,
        jobs.map((job) => job.id),
      );
      return jobs.flatMap((job) => {
        const parsed = laneJob.safeParse(job.data);
        return parsed.success ? [parsed.data] : [];
      });
    },
    async send(client, kind, payload, afterMs = 0) {
      const givenUp = kind.givenUpTo === undefined ? {} : { deadLetter: kind.givenUpTo };
      const after = afterMs > 0 ? { startAfter: String(afterMs / 1_000) } : {};
      await boss.send(kind.name, kind.payload.parse(payload) as object, { ...within(client), ...givenUp, ...after });
      // One whose time comes later is told of too early.
      if (afterMs > 0) setTimeout(lookAgain, afterMs + SOON_MS, kind.name).unref();
    },
    async forget(client, organizationId, but) {
      await client.query(`DELETE FROM ${identifier(schema)}.job WHERE data ->> 'organizationId' = $1::uuid::text AND name <> $2`, [
        organizationId,
        but.name,
      ]);
    },
    async work(kind, handler, atOnce = 1) {
      const looks = { pollingIntervalSeconds: LOOK_SECONDS_DEAF, notifyPollingIntervalSeconds: LOOK_SECONDS };
      const handle: WorkWithMetadataHandler<unknown> = async ([job]) => {
        if (job === undefined) return undefined;
        try {
          return await handler(kind.payload.parse(job.data ?? {}), job.id, job.sourceOutput);
        } catch (error) {
          if (job.retryCount < job.retryLimit) lookLater(kind.name, latestRetryMs(job));
          else if (kind.givenUpTo !== undefined) lookLater(kind.givenUpTo, 0);
          throw error;
        } finally {
          // Of several jobs that wait one was told of: it looks until it finds none.
          lookAgain(kind.name);
        }
      };
      // One by one, as each is woken by a name of its own.
      const places: string[] = [];
      while (places.length < atOnce) places.push(await boss.work(kind.name, { ...looks, includeMetadata: true }, handle));
      workers.set(kind.name, places);
      lookLater(kind.name, SECOND_LOOK_MS);
    },
    async schedule(kind, cron) {
      await boss.schedule(kind.name, cron, {}, { tz: "UTC", missed: "once" });
    },
    async lastRuns(client, names) {
      const { rows } = await client.query(
        `SELECT DISTINCT ON (name) name, completed_on AS at, extract(epoch FROM now() - completed_on)::float8 * 1000 AS "ageMs", extract(epoch FROM completed_on - started_on)::float8 AS seconds, output
           FROM ${identifier(schema)}.job WHERE name = ANY($1::text[]) AND state = 'completed' ORDER BY name, completed_on DESC`,
        [names],
      );
      return rows as LastRun[];
    },
    async start(kinds) {
      await boss.start();
      // One that is there stays as it is, and finding that out one by one takes fifty statements of a start.
      const made = new Set((await boss.getQueues([LANE_QUEUE, ...kinds.map(({ name }) => name)])).map(({ name }) => name));
      const make = async (name: string, settings: QueueSettings) => {
        if (!made.has(name)) await boss.createQueue(name, { notify: true, ...settings });
      };
      // Completed jobs would be kept for seven days.
      await make(LANE_QUEUE, { policy: "short", deleteAfterSeconds: 60, retentionSeconds: 3600, retryLimit: 0 });
      for (const { name, keptSeconds, single } of kinds) {
        await make(name, {
          ...{ deleteAfterSeconds: keptSeconds ?? 3600, retryLimit: 8, retryDelay: 1, retryBackoff: true },
          heartbeatSeconds: HEARTBEAT_SECONDS,
          ...(single ? { policy: "stately", expireInSeconds: LONGEST_SECONDS } : {}),
        });
      }
    },
    async stop() {
      // pg-boss waits for its statements; one that is never answered would take all the time that a stop has.
      db.pool.dropAll(true);
      await boss.stop({ graceful: true, timeout: 2_000 });
      await db.pool.end();
    },
  };
}
