/**
 * One real Postgres per run, and a template database migrated once; each test file clones it (helpers/database.ts).
 * TEST_DATABASE_URL names a server to use instead. Every project but `unit` asks for it; the first one starts it.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { buildDashboard } from "../src/api/dashboard.ts";
import { migrate } from "../src/db/migrate.ts";
import { startEmbedded } from "../src/embedded/start.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Of the server's own database `postgres`. */
    serverUrl: string;
    template: string;
  }
}

const SHARED = Symbol.for("hookline.test.server");
const TEMPLATE = `hookline_template_${process.pid}`;

interface Server {
  url: string;
  stop(): Promise<void>;
}

/** Vitest loads this file once for each project: what they share stands on the process. */
const shared = globalThis as { [SHARED]?: { users: number; server: Promise<Server> } };

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared[SHARED] ??= { users: 0, server: startServer() };
  const held = shared[SHARED];
  held.users += 1;
  const server = await held.server;
  project.provide("serverUrl", server.url);
  project.provide("template", TEMPLATE);
  return async () => {
    held.users -= 1;
    if (held.users > 0) return;
    delete shared[SHARED];
    await server.stop();
  };
}

async function startServer(): Promise<Server> {
  // Or each server of the first files would build it for itself.
  await buildDashboard();
  const given = process.env["TEST_DATABASE_URL"];
  const folder = await mkdtemp(path.join(tmpdir(), "hookline-test-"));
  const embedded = given === undefined ? await startEmbedded(folder, { connections: 600 }) : undefined;
  const server = new URL(embedded?.url ?? (given as string));
  server.pathname = "/postgres";
  const admin = new pg.Client({ connectionString: server.href });
  await admin.connect();
  if (embedded) {
    // Thrown away after the run: nothing needs to reach the disk.
    for (const setting of ["fsync", "synchronous_commit", "full_page_writes"]) await admin.query(`ALTER SYSTEM SET ${setting} = off`);
    await admin.query("SELECT pg_reload_conf()");
  }
  await admin.query(`DROP DATABASE IF EXISTS ${TEMPLATE}`);
  await admin.query(`CREATE DATABASE ${TEMPLATE}`);
  const template = new URL(server);
  template.pathname = `/${TEMPLATE}`;
  await migrate(template.href);
  return {
    url: server.href,
    async stop() {
      await admin.query(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
      await admin.end();
      await embedded?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
