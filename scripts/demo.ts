/**
 * `npm run demo`: the whole platform on a throw-away data folder, a receiver that is down at first, 30 events, and the
 * live log as it comes from the GraphQL subscription. Exits 1 if anything it claims does not hold.
 * `--platform`: recovery, a schema's refusal, an inbound GitHub delivery and a customer's portal instead.
 * `--break signature` (or order, delivery) spoils the evidence on purpose: the demo must then fail.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { type App, startApp } from "../src/app.ts";
import { connect } from "../src/cli/client.ts";
import { readConfig } from "../src/config.ts";
import { playDeliveries } from "./demo/deliveries.ts";
import { platformFailures, playPlatform } from "./demo/platform.ts";
import { type Receiver, startReceiver } from "./demo/receiver.ts";
import { failuresOf, laneOf } from "./demo/scenario.ts";
import type { Claim, Stage } from "./demo/stage.ts";

const { values: flags } = parseArgs({ options: { break: { type: "string" }, platform: { type: "boolean", default: false } } });
const PATIENCE_MS = 15_000;
const say = (text = "") => process.stdout.write(`${text}\n`);
const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;

const folder = await mkdtemp(path.join(tmpdir(), "hookline-demo-"));
const ended = new AbortController();
let app: App | undefined;
let receiver: Receiver | undefined;
let cleaning: Promise<void> | undefined;

async function clean(): Promise<void> {
  ended.abort();
  await receiver?.close();
  await app?.stop();
  await rm(folder, { recursive: true, force: true });
}
const cleanOnce = () => (cleaning ??= clean());
/** Ctrl-C while something starts: it is stopped as soon as it stands. */
let interrupted = false;
const interrupt = () => {
  interrupted = true;
  ended.abort();
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => (interrupted ? process.exit(130) : interrupt()));
/** Whoever read it went away (`| head`): Postgres must not stay behind all the same. */
process.stdout.on("error", interrupt);
process.on("uncaughtException", (error) => {
  process.stderr.write(`  the demo failed: ${error.stack}\n`);
  void cleanOnce().finally(() => process.exit(1));
});
class Interrupted extends Error {}
const unlessInterrupted = () => {
  if (interrupted) throw new Interrupted();
};

async function until(condition: () => boolean, patienceMs = PATIENCE_MS): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (!condition()) {
    unlessInterrupted();
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

async function run(): Promise<boolean> {
  receiver = flags.platform ? await startReceiver(platformFailures, (path) => path) : await startReceiver(failuresOf, laneOf);
  app = await startApp(
    readConfig({
      PORT: "0",
      HOOKLINE_DATA_DIR: folder,
      HOOKLINE_RETRY_SCALE: "0.05",
      HOOKLINE_LOG_LEVEL: "error",
      HOOKLINE_SHUTDOWN_GRACE_MS: "3000",
    }),
  );
  unlessInterrupted();
  say(`  platform    ${app.url}, its own Postgres, data in ${folder} (up after ${seconds()})`);
  say(`  receiver    ${receiver.url}: ${flags.platform ? "" : "answers 503 at first, "}verifies every signature`);
  const api = await connect({ url: app.url, token: app.bootstrap.adminToken, dataDir: folder });
  const stage: Stage = { app, api, receiver, ended, say, until, spoil: flags.break };
  return report(await (flags.platform ? playPlatform(stage) : playDeliveries(stage)));
}

function report(claims: readonly Claim[]): boolean {
  say();
  for (const { name, holds, detail } of claims) say(`  ${name.padEnd(11)} ${detail}${holds ? "" : "   <- does not hold"}`);
  say();
  const holds = claims.every((claim) => claim.holds);
  say(holds ? `  All of it holds, in ${seconds()}.` : `  Not all of it holds (${seconds()}).`);
  return holds;
}

say();
say(
  flags.platform
    ? "  Hookline demo: what a stopped webhook missed, a schema, GitHub's deliveries, a customer's portal"
    : "  Hookline demo: 3 webhook definitions, 30 events, a receiver that is down at first",
);
say();
try {
  process.exitCode = (await run()) ? 0 : 1;
} catch (error) {
  if (!(error instanceof Interrupted)) process.stderr.write(`  the demo failed: ${(error as Error).stack}\n`);
  else say("\n  interrupted; what it made is removed");
  process.exitCode = error instanceof Interrupted ? 130 : 1;
}
await cleanOnce();
process.exit();
