/**
 * pg-boss: durable jobs on the same Postgres. A lane's job only wakes it (order is the lane's own work); other jobs do
 * what must not be lost after a commit, such as mail. Jobs are sent inside the caller's transaction.
 */
import { PgBoss } from "pg-boss";
import { z } from "zod";
import type { Log } from "../observe/log.ts";
import type { PoolClient } from "./client.ts";

export const LANE_QUEUE = "lane";
/** A definition was stopped by its receiver: tell its owner, signal the state event. */
export const STOPPED_QUEUE = "definition-stopped";

const laneJob = z.object({ laneId: z.uuid() });
export const stoppedJob = z.object({
  organizationId: z.uuid(),
  definitionId: z.uuid(),
  state: z.enum(["STOPPED", "TOO_MANY_ERRORS"]),
  reason: z.string(),
  requestId: z.uuid(),
});
export type StoppedJob = z.infer<typeof stoppedJob>;

export interface Queue {
  /** Wake-ups inside the caller's transaction; one waiting job per lane (policy short). */
  wakeLanes(client: PoolClient, laneIds: readonly string[]): Promise<void>;
  /** Takes waiting wake-ups off the queue. */
  takeWakes(): Promise<string[]>;
  stopped(client: PoolClient, job: StoppedJob): Promise<void>;
  /** Works on STOPPED_QUEUE; a handler that throws is tried again, 5 times. */
  onStopped(handler: (job: StoppedJob) => Promise<void>): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const TAKE = 500;

/** @param worker also maintains the queues */
export function createQueue(url: string, log: Log, options: { worker: boolean }): Queue {
  const boss = new PgBoss({ connectionString: url, max: 4, useListenNotify: true, schedule: false, supervise: options.worker });
  boss.on("error", (error) => log.warn({ err: error.message }, "pg-boss"));
  const within = (client: PoolClient) => ({ db: { executeSql: (text: string, values?: unknown[]) => client.query(text, values) } });
  return {
    async wakeLanes(client, laneIds) {
      await boss.insert(
        LANE_QUEUE,
        laneIds.map((laneId) => ({ data: { laneId }, singletonKey: laneId })),
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
        return parsed.success ? [parsed.data.laneId] : [];
      });
    },
    async stopped(client, job) {
      await boss.send(STOPPED_QUEUE, stoppedJob.parse(job), within(client));
    },
    async onStopped(handler) {
      await boss.work<unknown>(STOPPED_QUEUE, { pollingIntervalSeconds: 2 }, async (jobs) => {
        for (const job of jobs) await handler(stoppedJob.parse(job.data));
      });
    },
    async start() {
      await boss.start();
      // Completed jobs would be kept for seven days.
      await boss.createQueue(LANE_QUEUE, { policy: "short", notify: true, deleteAfterSeconds: 60, retentionSeconds: 3600, retryLimit: 0 });
      await boss.createQueue(STOPPED_QUEUE, { notify: true, deleteAfterSeconds: 3600, retryLimit: 5, retryBackoff: true });
    },
    async stop() {
      await boss.stop({ graceful: true, timeout: 2_000 });
    },
  };
}
