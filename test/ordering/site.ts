/** A database with everything that works on it, which histories are played on; and the one that its backup was restored into. */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { expect, inject } from "vitest";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { backup } from "../../src/backup/backup.ts";
import { restore } from "../../src/backup/restore.ts";
import type { Core } from "../../src/core.ts";
import { createEpoch } from "../../src/db/epoch.ts";
import { createQueue } from "../../src/db/queue.ts";
import type { SourceChecks } from "../../src/definitions/definitions.ts";
import type { Sandbox } from "../../src/delivery/sandbox/sandbox.ts";
import { createRunMissed } from "../../src/events/missed.ts";
import { type Jobs, REPLAY_JOB } from "../../src/requests/replay.ts";
import { resumeReplays, workReplays } from "../../src/requests/replay-run.ts";
import { MASTER_KEY, openCore, testConfig } from "../helpers/core.ts";
import { startNode } from "../helpers/node.ts";
import { keepDeleted } from "./log.ts";
import type { Node } from "./node.ts";
import { createProcesses } from "./processes.ts";

export interface Site {
  readonly core: Core;
  /** Somebody works them. */
  readonly jobs: Jobs;
  readonly checks: SourceChecks;
  /** @param worker false: it takes events in and delivers nothing */
  start(name: string, worker: boolean): Promise<Node>;
  /** A backup of it, restored into an empty database, with everything that works on it. Its nodes are dead. */
  restored(): Promise<Site>;
  close(): Promise<void>;
}

export interface SiteOptions {
  core: Core;
  url: string;
  sandbox: Sandbox;
  /** Each node is a process. */
  processes: boolean;
  /** The database that it was restored from. */
  from?: Core;
}

const LEASE_MS = 800;

export async function createSite({ core, url, sandbox, processes, from }: SiteOptions): Promise<Site> {
  await keepDeleted(url, from);
  const queue = createQueue(url, core.log, { worker: true });
  await queue.start([REPLAY_JOB]);
  const parts = { core, queue, sandbox };
  // Works replays, and outlives all histories.
  const recovery = startNode(parts, "recovery", { worker: false });
  await workReplays(core, queue, createRunMissed(recovery.core, recovery.ingest));
  // Jobs are not in a backup: a chore finds what they were for.
  await resumeReplays(core, queue, 0);
  const children = processes ? createProcesses(url, LEASE_MS) : undefined;
  return {
    core,
    jobs: queue,
    checks: { sandbox, payloadQuery: createPayloadQuery() },
    start: async (name, worker) => children?.start(name, worker) ?? startNode(parts, name, { leaseMs: LEASE_MS, worker }),
    restored: () => moved({ core, url, sandbox, processes }),
    async close() {
      await children?.close();
      await recovery.stop();
      await recovery.close();
      await queue.stop();
    },
  };
}

async function moved({ core: from, url, sandbox, processes }: SiteOptions): Promise<Site> {
  const name = `hookline_restored_${randomBytes(6).toString("hex")}`;
  const file = path.join(tmpdir(), `${name}.hookline`);
  const admin = new pg.Client({ connectionString: inject("serverUrl") });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  const to = new URL(url);
  to.pathname = `/${name}`;
  const keys = [MASTER_KEY];
  await backup({ url, file, keys, version: "test", now: new Date() });
  await restore({ url: to.href, file, keys, keysFrom: "the test" });
  await rm(file);
  const core = await openCore(testConfig(to.href), to.href);
  const epochs = await Promise.all([from, core].map(({ db, log }) => createEpoch(db, log).look()));
  expect(epochs[0]).not.toBe(epochs[1]);
  const site = await createSite({ core, url: to.href, sandbox, processes, from });
  return {
    ...site,
    async close() {
      await site.close();
      await core.notify.stop();
      await core.db.close();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end();
    },
  };
}
