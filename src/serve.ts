/** What `npm start` runs: config, app, banner, signals. */
import { startApp } from "./app.ts";
import { banner } from "./banner.ts";
import { ConfigError, readConfig } from "./config.ts";
import type { Ending } from "./signals.ts";

async function start(ending: Ending): Promise<void> {
  const config = readConfig(undefined, { places: true });
  for (const warning of config.warnings) process.stderr.write(`warning: ${warning}\n`);
  const app = await startApp(config, ending.signal);
  ending.ready(() => app.stop());
  if (ending.signal.aborted) return;
  if (config.roles.api) process.stdout.write(await banner(app, config, { terminal: process.stdout.isTTY === true }));
  else process.stdout.write(`Hookline worker: health on ${app.url}/readyz\n`);
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
