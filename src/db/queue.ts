/**
 * pg-boss: durable jobs on the same Postgres. A lane's job only wakes it (order is the lane's own work); other jobs do
 * what must not be lost after a commit, such as mail. Jobs are sent inside the caller's transaction, and their payloads
 * are parsed at both ends by the same schema.
 */
import { PgBoss } from "pg-boss";
import { z } from "zod";
import { readDatabaseUrl } from "../database-url.ts";
import type { Log } from "../observe/log.ts";
import type { PoolClient } from "./client.ts";
import { createListener } from "./listener.ts";
import { SessionPool } from "./pool.ts";
import { queueSchemaFor } from "./queue-schema.ts";
import { POOL_PROFILE } from "./session.ts";

const LANE_QUEUE = "lane";
const laneJob = z.object({ lane: z.string() });

/** A kind of job: its queue's name and its payload. */
export interface JobKind<T> {
  name: string;
  payload: z.ZodType<T>;
}

export interface Queue {
  /** Wake-ups inside the caller's transaction, by lane references; one waiting job per lane (policy short). */
  wakeLanes(client: PoolClient, lanes: readonly string[]): Promise<void>;
  /** Takes waiting wake-ups off the queue. */
  takeWakes(): Promise<string[]>;
  send<T>(client: PoolClient, kind: JobKind<T>, payload: T): Promise<void>;
  /** A handler that throws is tried again: 8 times, ever later. */
  work<T>(kind: JobKind<T>, handler: (payload: T, jobId: string) => Promise<void>): Promise<void>;
  /** @param kinds the queues besides the lanes' own */
  start(kinds: readonly JobKind<unknown>[]): Promise<void>;
  stop(): Promise<void>;
}

/** Wake-ups taken at a time. */
const TAKE = 500;

/** Connections for jobs; LISTEN has one of its own. */
const CONNECTIONS = 3;

export interface QueueOptions {
  /** Also maintains the queues. */
  worker: boolean;
  /** pg-boss's schema; by default the one beside ours. */
  schema?: string;
}

/** pg-boss over connections of ours: our settings come first on each, its LISTEN is kept like ours. */
function bossDatabase(url: string, log: Log) {
  const pool = new SessionPool({ url, purpose: "queue", max: CONNECTIONS, profile: { ...POOL_PROFILE, statementTimeout: 60_000 } });
  return {
    pool,
    executeSql: (text: string, values?: unknown[]) => pool.query(text, values),
    async listen(channel: string, heard: (payload: string) => void, reconnected: () => void) {
      const listener = createListener({
        url,
        log,
        purpose: "queue",
        channels: [channel],
        heard: (_, payload) => heard(payload),
        reconnected,
        moved: () => pool.dropAll(),
      });
      await listener.start();
      return { close: () => listener.stop() };
    },
  };
}

export function createQueue(url: string, log: Log, options: QueueOptions): Queue {
  const db = bossDatabase(url, log);
  const schema = options.schema ?? queueSchemaFor(readDatabaseUrl(url).schema);
  // Its tables are there: migrations make them, with rights that this session has not.
  const boss = new PgBoss({ db, schema, migrate: false, useListenNotify: true, schedule: false, supervise: options.worker });
  boss.on("error", (error) => log.warn({ err: error.message }, "pg-boss"));
  const within = (client: PoolClient) => ({ db: { executeSql: (text: string, values?: unknown[]) => client.query(text, values) } });
  return {
    async wakeLanes(client, lanes) {
      await boss.insert(
        LANE_QUEUE,
        lanes.map((lane) => ({ data: { lane }, singletonKey: lane })),
        within(client),
      );
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
        return parsed.success ? [parsed.data.lane] : [];
      });
    },
    async send(client, kind, payload) {
      await boss.send(kind.name, kind.payload.parse(payload) as object, within(client));
    },
    async work(kind, handler) {
      await boss.work<unknown>(kind.name, { pollingIntervalSeconds: 2 }, async (jobs) => {
        for (const job of jobs) await handler(kind.payload.parse(job.data), job.id);
      });
    },
    async start(kinds) {
      await boss.start();
      // Completed jobs would be kept for seven days.
      await boss.createQueue(LANE_QUEUE, { policy: "short", notify: true, deleteAfterSeconds: 60, retentionSeconds: 3600, retryLimit: 0 });
      for (const kind of kinds) {
        await boss.createQueue(kind.name, { notify: true, deleteAfterSeconds: 3600, retryLimit: 8, retryDelay: 1, retryBackoff: true });
      }
    },
    async stop() {
      await boss.stop({ graceful: true, timeout: 2_000 });
      await db.pool.end();
    },
  };
}
