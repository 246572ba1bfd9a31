/** A primary and a standby that follows it (streaming replication), for switch-overs. */
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type Programs, run, unprivileged } from "../../src/embedded/binaries.ts";
import { type Server, startServer } from "../../src/embedded/server.ts";
import { startOwnServer } from "./own-server.ts";

const DEBIAN = "/usr/lib/postgresql";
const PATIENCE_MS = 30_000;

export interface ReplicationPrograms extends Programs {
  basebackup: string;
}

/** Debian's; the npm package brings no pg_basebackup. Undefined: none is installed. */
export function replicationPrograms(): ReplicationPrograms | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).map(Number) : [];
  for (const version of versions.filter((each) => each >= 15 && each <= 18).sort((a, b) => b - a)) {
    const bin = path.join(DEBIAN, String(version), "bin");
    const found = { initdb: `${bin}/initdb`, postgres: `${bin}/postgres`, basebackup: `${bin}/pg_basebackup` };
    if (Object.values(found).every(existsSync)) return found;
  }
  return undefined;
}

export interface Pair {
  /** Of the database `postgres`. */
  readonly primary: URL;
  readonly standby: URL;
  /** The primary lives on and takes no writes: what whoever switches over does first. Resolves once the standby has everything. */
  closePrimary(): Promise<void>;
  promote(): Promise<void>;
  stop(): Promise<void>;
}

export async function ask<Row extends object>(url: URL, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url.href });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function until(what: string, met: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + PATIENCE_MS; !(await met()); await sleep(50)) {
    if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
  }
}

export async function startPair(programs: ReplicationPrograms): Promise<Pair> {
  const primary = await startOwnServer({ programs });
  const folder = mkdtempSync(path.join(tmpdir(), "hookline standby-"));
  let server: Server | undefined;
  const stop = async () => {
    await server?.stop();
    await primary.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const runAs = await unprivileged(undefined);
    if (runAs) chownSync(folder, runAs.uid, runAs.gid);
    const cluster = path.join(folder, "data");
    const copy = [programs.basebackup, "-d", primary.url.href, "-D", cluster, "-R", "-X", "stream", "-c", "fast"];
    const { code, output } = await run([...(runAs?.prefix ?? []), ...copy]);
    if (code !== 0) throw new Error(`pg_basebackup: ${output}`);
    const address = (port: number) => Object.assign(new URL(primary.url), { port: String(port) }).href;
    const logFile = path.join(folder, "postgres.log");
    const started = await startServer({ cluster, logFile, programs, runAs, address, launched: (launched) => (server = launched) });
    const standby = new URL(address(started.server.port));
    const streams = async () => (await ask(primary.url, "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'")).length === 1;
    await until("the standby follows", streams);
    return {
      primary: primary.url,
      standby,
      async closePrimary() {
        await ask(primary.url, "ALTER SYSTEM SET default_transaction_read_only = on");
        await ask(primary.url, "SELECT pg_reload_conf()");
        await until("what was being written is done", async () => {
          const open = await ask(primary.url, "SELECT 1 FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()");
          return open.length === 0;
        });
        const [written] = await ask<{ at: string }>(primary.url, "SELECT pg_current_wal_flush_lsn()::text AS at");
        const behind = `SELECT pg_last_wal_replay_lsn() >= '${written?.at}'::pg_lsn AS there`;
        await until("the standby has everything", async () => (await ask<{ there: boolean }>(standby, behind))[0]?.there === true);
      },
      async promote() {
        await ask(standby, "SELECT pg_promote(true, 30)");
        const writable = "SELECT NOT pg_is_in_recovery() AS writable";
        await until("it is promoted", async () => (await ask<{ writable: boolean }>(standby, writable))[0]?.writable === true);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
