/**
 * pg-boss: durable jobs on the same Postgres. A lane's job only wakes it (order is the lane's own work); other jobs do
 * what must not be lost after a commit, such as mail. Jobs are sent inside the caller's transaction, and their payloads
 * are parsed at both ends by the same schema.
 */
import { PgBoss } from "pg-boss";
import { z } from "zod";
import type { Log } from "../observe/log.ts";
import type { PoolClient } from "./client.ts";

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

/** @param options.worker also maintains the queues */
export function createQueue(url: string, log: Log, options: { worker: boolean }): Queue {
  const boss = new PgBoss({ connectionString: url, max: 4, useListenNotify: true, schedule: false, supervise: options.worker });
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
    },
  };
}
