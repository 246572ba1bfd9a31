/**
 * What a primary starts HOOKLINE_WORKERS times. Its primary tells it what to do and when to end; when the channel to it closes,
 * however the primary ended, Node ends this process at once.
 */
import type { App } from "../app.ts";
import { load } from "../bundle.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";

const aborted = new AbortController();
let app: App | undefined;
let ending: Promise<void> | undefined;

const send = (message: ToPrimary, sent: () => void = () => undefined): void => {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
  else sent();
};
const exit = (code: number) => process.exit(code);

async function end(): Promise<void> {
  aborted.abort(new Error("told to stop"));
  if (!app) return;
  try {
    const counts = await app.metrics.counts();
    await app.stop();
    send({ kind: "counts", id: undefined, counts }, () => exit(0));
  } catch (error) {
    send({ kind: "failed", message: `stopping failed: ${(error as Error).message}` }, () => exit(1));
  }
}
const endOnce = () => {
  ending ??= end();
};

// A terminal sends these to the whole group: the primary has them, too, and says what is to be done.
for (const name of ["SIGINT", "SIGHUP", "SIGQUIT"] as const) process.on(name, () => undefined);
process.on("SIGTERM", () => {
  send({ kind: "leaving" });
  endOnce();
});
process.on("uncaughtExceptionMonitor", (error) => send({ kind: "failed", message: error.stack ?? String(error) }));

const [{ startApp }, { createLink }] = await Promise.all([
  load<typeof import("../app.ts")>("app"),
  load<typeof import("./link.ts")>("cluster/link"),
]);
const link = createLink(send);

async function start({ name, config, logins }: Extract<ToWorker, { kind: "start" }>): Promise<void> {
  const { siblings, hearing, metricsText, dashboardBuilt } = link;
  const part = { kind: "WORKER", name, logins, siblings, hearing, metricsText, dashboardBuilt } as const;
  app = await startApp(Object.freeze(config), aborted.signal, part);
  if (ending) return end();
  send({ kind: "up" });
}

process.on("message", (message: ToWorker) => {
  link.heard(message);
  if (message.kind === "stop") {
    endOnce();
    if (!app) exit(0);
  }
  if (message.kind === "count") void app?.metrics.counts().then((counts) => send({ kind: "counts", id: message.id, counts }));
  if (message.kind === "start")
    start(message).catch((error: Error) => {
      if (aborted.signal.aborted) return exit(0);
      return send({ kind: "failed", message: error.message }, () => exit(1));
    });
});
send({ kind: "hello" });
