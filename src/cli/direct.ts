/** Commands that work on the database itself, with or without a server beside: nobody needs to be signed in for them. */
import { existsSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../clock.ts";
import type { Config } from "../config.ts";
import type { Core } from "../core.ts";
import { openDatabase } from "../db/client.ts";
import { masterKeys } from "../db/keys.ts";
import { migrationStatus, wallStatus } from "../db/migrate.ts";
import { createNotifier } from "../db/notify.ts";
import { loginsOf } from "../db/wall/state.ts";
import { readOwner } from "../embedded/lock.ts";
import { createLog } from "../observe/log.ts";
import { createMetrics } from "../observe/metrics.ts";
import { createRefusals } from "../observe/refusals.ts";
import { createWarnings } from "../observe/warnings.ts";
import { createVault } from "../vault.ts";
import { CliError } from "./fault.ts";
import { onDatabase } from "./on-database.ts";

/**
 * DATABASE_URL, or the embedded Postgres of the data folder: the server's that runs on it, else one for as long as `work` takes.
 * Makes none: only `serve`, `migrate` and `restore` begin an installation.
 */
export async function onInstallation<T>(config: Readonly<Config>, command: string, work: (url: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl === undefined && !existsSync(path.join(config.dataDir, "postgres/data"))) {
    throw new CliError(
      `there is no installation in ${config.dataDir}: start it once (npm start), or set DATABASE_URL or HOOKLINE_DATA_DIR`,
    );
  }
  return onDatabase(config, command, work);
}

/**
 * How many migrations are pending. There may be some: keys are changed before an upgrade, too, by commands that need no newer table.
 * @throws CliError where there are no tables, so that nobody is told in Postgres's words which one is not there
 */
async function countPending(url: string): Promise<number> {
  const behind = (await migrationStatus(url)).filter(({ state }) => state === "PENDING" || state === "BEGUN");
  if (behind[0]?.name.startsWith("0001_"))
    throw new CliError("this database holds no installation yet: start Hookline on it once (npm start)");
  return behind.length;
}

/** Postgres's and Prisma's codes for a table or column that is not there. */
const NOT_THERE = ["42P01", "42703", "P2021", "P2022"];

/** `work`, on tables that may be older than this version: it goes on as far as its own statements find what they name. */
async function onTablesOf<T>(pending: number, work: () => Promise<T>): Promise<T> {
  if (pending === 0) return work();
  const older = `this database is of an older version, ${pending} migrations are pending`;
  process.stderr.write(`warning: ${older}\n`);
  return work().catch((error: Error & { code?: unknown }) => {
    throw NOT_THERE.includes(String(error.code)) ? new CliError(`${older}: run \`hookline migrate\` first`) : error;
  });
}

/** A Core for domain functions; nothing is started on it. */
export function withCore<T>(config: Readonly<Config>, command: string, work: (core: Core) => Promise<T>): Promise<T> {
  return onInstallation(config, command, async (url) => {
    const pending = await countPending(url);
    const log = createLog(config);
    const logins = loginsOf(url, await wallStatus(url, { queueSchema: config.queueSchema }));
    const db = openDatabase(logins, { poolSize: 2 });
    try {
      const vault = createVault(await masterKeys(config));
      const observe = { log, metrics: createMetrics(), warnings: createWarnings(log), refusals: createRefusals(systemClock, log) };
      const core = { config, clock: systemClock, ...observe, db, notify: createNotifier(logins.engine, log), vault };
      return await onTablesOf(pending, () => work(core));
    } finally {
      await db.close();
    }
  });
}

/** Where a browser reaches the server. */
export function publicUrl(config: Readonly<Config>): string {
  const running = config.databaseUrl === undefined ? readOwner(path.resolve(config.dataDir))?.url : undefined;
  const host = config.host === "0.0.0.0" || config.host === "::" ? "127.0.0.1" : config.host;
  return config.publicUrl ?? running ?? `http://${host.includes(":") ? `[${host}]` : host}:${config.port}`;
}
