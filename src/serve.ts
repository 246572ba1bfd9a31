/** What `npm start` runs: config, app, banner, signals. */
import { type App, startApp } from "./app.ts";
import { banner } from "./banner.ts";
import { startCluster } from "./cluster/start.ts";
import { ConfigError, readConfig } from "./config.ts";
import type { Ending } from "./signals.ts";

/** Whoever watches over this process starts it anew, or tells somebody. */
async function giveUp(app: App, error: Error): Promise<void> {
  process.stderr.write(`Hookline ends: ${error.message}\n`);
  await app.stop().catch(() => undefined);
  process.exit(1);
}

async function start(ending: Ending): Promise<void> {
  const config = readConfig(undefined, { places: true });
  for (const warning of config.warnings) process.stderr.write(`warning: ${warning}\n`);
  const app = config.workers > 1 ? await startCluster(config, ending.signal) : await startApp(config, ending.signal);
  ending.ready(() => app.stop());
  if (ending.signal.aborted) return;
  void app.failed?.then((error) => giveUp(app, error));
  if (config.roles.api) process.stdout.write(await banner(app, config, { terminal: process.stdout.isTTY === true }));
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
