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
import { borrowEmbedded } from "../embedded/start.ts";
import { createLog } from "../observe/log.ts";
import { createMetrics } from "../observe/metrics.ts";
import { createRefusals } from "../observe/refusals.ts";
import { createWarnings } from "../observe/warnings.ts";
import { createVault } from "../vault.ts";
import { CliError } from "./fault.ts";

/**
 * DATABASE_URL, or the embedded Postgres of the data folder: the server's that runs on it, else one for as long as `work` takes.
 * Makes none: only `serve`, `migrate` and `restore` begin an installation.
 */
export async function onInstallation<T>(config: Readonly<Config>, command: string, work: (url: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl !== undefined) return work(config.databaseUrl);
  if (!existsSync(path.join(config.dataDir, "postgres/data"))) {
    throw new CliError(
      `there is no installation in ${config.dataDir}: start it once (npm start), or set DATABASE_URL or HOOKLINE_DATA_DIR`,
    );
  }
  const embedded = await borrowEmbedded(config.dataDir, { command });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop();
  }
}

/** The tables of this version are there, so that nobody is told in Postgres's words which one is not. */
async function checkMigrated(url: string): Promise<void> {
  const behind = (await migrationStatus(url)).filter(({ state }) => state === "PENDING" || state === "BEGUN");
  const first = behind[0];
  if (first === undefined) return;
  if (first.name.startsWith("0001_")) throw new CliError("this database holds no installation yet: start Hookline on it once (npm start)");
  throw new CliError(`this database is of an older version, ${behind.length} migrations are pending: run \`hookline migrate\` first`);
}

/** A Core for domain functions; nothing is started on it. */
export function withCore<T>(config: Readonly<Config>, command: string, work: (core: Core) => Promise<T>): Promise<T> {
  return onInstallation(config, command, async (url) => {
    await checkMigrated(url);
    const log = createLog(config);
    const logins = loginsOf(url, await wallStatus(url, { queueSchema: config.queueSchema }));
    const db = openDatabase(logins, { poolSize: 2 });
    try {
      const vault = createVault(await masterKeys(config));
      const observe = { log, metrics: createMetrics(), warnings: createWarnings(log), refusals: createRefusals(systemClock, log) };
      return await work({ config, clock: systemClock, ...observe, db, notify: createNotifier(logins.engine, log), vault });
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
