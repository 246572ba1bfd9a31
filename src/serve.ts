/** What `npm start` runs: config, app, banner, signals. */
import type { App } from "./app.ts";
import { type Config, ConfigError, readConfig } from "./config.ts";
import { openEmbedded } from "./embedded/open.ts";
import type { EmbeddedPostgres } from "./embedded/start.ts";
import type { Ending } from "./signals.ts";

/** Whoever watches over this process starts it anew, or tells somebody. */
async function giveUp(app: App, error: Error): Promise<void> {
  process.stderr.write(`Hookline ends: ${error.message}\n`);
  await app.stop().catch(() => undefined);
  process.exit(1);
}

/** The embedded Postgres, or initdb, has been launched, and works while the rest of the server is read. Undefined: a database is given. */
async function launch(config: Readonly<Config>, signal: AbortSignal): Promise<{ opened: Promise<EmbeddedPostgres> } | undefined> {
  if (config.databaseUrl !== undefined) return undefined;
  const launched = Promise.withResolvers<void>();
  const opened = openEmbedded(config, { signal, several: config.workers > 1, launched: launched.resolve });
  // Who waits for `opened` hears of a failure.
  await Promise.race([launched.promise, opened.catch(() => undefined)]);
  return { opened };
}

async function open(config: Readonly<Config>, signal: AbortSignal): Promise<App> {
  const { opened } = (await launch(config, signal)) ?? {};
  try {
    if (config.workers > 1) return await (await import("./cluster/start.ts")).startCluster(config, signal, opened);
    return await (await import("./app.ts")).startApp(config, signal, undefined, opened);
  } catch (error) {
    await opened?.then((embedded) => embedded.stop()).catch(() => undefined);
    throw error;
  }
}

async function start(ending: Ending): Promise<void> {
  const config = readConfig(undefined, { places: true });
  for (const warning of config.warnings) process.stderr.write(`warning: ${warning}\n`);
  const app = await open(config, ending.signal);
  ending.ready(() => app.stop());
  if (ending.signal.aborted) return;
  void app.failed?.then((error) => giveUp(app, error));
  if (config.roles.api)
    process.stdout.write(await (await import("./banner.ts")).banner(app, config, { terminal: process.stdout.isTTY === true }));
  else process.stdout.write(`Hookline worker${config.workers > 1 ? ` (${config.workers} processes)` : ""}: health on ${app.url}/readyz\n`);
}

export function serve(ending: Ending): Promise<void> {
  ending.begin();
  return start(ending).catch((error: Error) => {
    // A start that was told to stop has cleaned up by now: that is no failure.
    if (ending.signal.aborted) process.exit(0);
    process.stderr.write(error instanceof ConfigError ? `${error.message}\n` : `Hookline could not start: ${error.message}\n`);
    process.exit(1);
  });
}
