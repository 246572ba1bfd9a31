/** What `npm start` runs: config, app, banner, signals. */
import { startApp } from "./app.ts";
import { banner } from "./banner.ts";
import { ConfigError, readConfig } from "./config.ts";

async function start(): Promise<void> {
  const config = readConfig();
  const app = await startApp(config);
  if (config.roles.api) process.stdout.write(await banner(app, config));
  else process.stdout.write(`Hookline worker: health on ${app.url}/readyz\n`);

  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      process.stderr.write(`${signal} again: stopping at once; what is in flight is sent again by the next worker\n`);
      process.exit(1);
    }
    stopping = true;
    app.stop().then(
      () => process.exit(0),
      (error: Error) => {
        process.stderr.write(`stopping failed: ${error.message}\n`);
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

export function serve(): Promise<void> {
  return start().catch((error: Error) => {
    process.stderr.write(error instanceof ConfigError ? `${error.message}\n` : `Hookline could not start: ${error.message}\n`);
    process.exit(1);
  });
}
