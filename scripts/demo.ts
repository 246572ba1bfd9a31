/**
 * `npm run demo`: the whole platform on a throw-away data folder, a receiver that is down at first, 30 events, and the
 * live log as it comes from the GraphQL subscription. Exits 1 if anything it claims does not hold.
 * `--break signature` (or order, delivery) spoils the evidence on purpose: the demo must then fail.
 * `--platform` walks through recovery, a schema, an inbound source and the portal instead.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { type App, startApp } from "../src/app.ts";
import { type Api, connect } from "../src/cli/client.ts";
import { follow } from "../src/cli/follow.ts";
import { createAttemptTeller, formatLine } from "../src/cli/line.ts";
import { readConfig } from "../src/config.ts";
import { platformFailures, platformLane, walkPlatform } from "./demo/platform.ts";
import { type Receiver, startReceiver } from "./demo/receiver.ts";
import { createDefinitions, emitAll, expectedLanes, failuresOf, laneOf, testDelivery } from "./demo/scenario.ts";
import { type Claim, type Evidence, judge } from "./demo/verdict.ts";

const { values: flags } = parseArgs({ options: { break: { type: "string" }, platform: { type: "boolean" } } });
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

async function until(condition: () => boolean | Promise<boolean>, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    unlessInterrupted();
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** Prints what the subscription brings, and keeps it as evidence. */
function watch(
  api: Api,
  live: { lane: string; laneNumber: number; attempt: number; delivered: boolean }[],
  seen: Set<string>,
): Promise<void> {
  const tell = createAttemptTeller();
  return follow(api, {
    signal: ended.signal,
    onUpdate(update) {
      for (const line of tell(update)) {
        say(`  ${formatLine(line)}`);
        const { request, attempt } = line;
        seen.add(request.id);
        if (request.event === null || request.laneNumber === 0) continue; // a test delivery
        const lane = laneOf(`/${request.webhookDefinition?.code}`, request.event.entityId ?? "");
        live.push({ lane, laneNumber: request.laneNumber, attempt: attempt.number, delivered: attempt.outcome === "DELIVERED" });
      }
    },
  });
}

async function start(): Promise<{ api: Api; receiver: Receiver }> {
  receiver = await (flags.platform ? startReceiver(platformFailures, platformLane) : startReceiver(failuresOf, laneOf));
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
  say(`  receiver    ${receiver.url}: answers 503 at first, verifies every signature`);
  return { api: await connect({ url: app.url, token: app.bootstrap.adminToken, dataDir: folder }), receiver };
}

async function runPlatform(): Promise<boolean> {
  const world = await start();
  return report(await walkPlatform({ ...world, say, until: (condition) => until(condition, PATIENCE_MS), spoil: flags.break }));
}

async function run(): Promise<boolean> {
  const { api, receiver } = await start();
  const definitions = await createDefinitions(api, receiver.url);
  for (const [code, { secret }] of definitions) receiver.trust(`/${code}`, flags.break === "signature" ? "whsec_d3Jvbmc=" : secret);

  const evidence: Evidence = { expected: expectedLanes(), laneOf, calls: receiver.calls, live: [] };
  const seen = new Set<string>();
  say("  live log    a line for each attempt, from the GraphQL subscription");
  say();
  const watching = watch(api, evidence.live as never, seen);
  watching.catch(() => ended.abort());

  // A subscription without a cursor begins at "now", and nothing says when now was: a test delivery that is seen does.
  let subscribed = false;
  for (let tries = 0; tries < 10 && !subscribed; tries++) {
    const id = await testDelivery(api, definitions.get("everything")?.id as string);
    subscribed = await until(() => seen.has(id), 1_000);
  }
  await emitAll(api);
  const wanted = [...evidence.expected.values()].flat().length;
  const settled = () => evidence.live.filter((line) => line.delivered).length >= wanted && receiver.calls.every((call) => call.verified);
  await until(() => settled() || receiver.calls.some((call) => !call.verified) === true, PATIENCE_MS);
  ended.abort();
  await watching;
  return report(judge(spoiled(evidence)));
}

/** `--break`: what a platform that does not keep its word would leave behind. */
function spoiled(evidence: Evidence): Evidence {
  if (flags.break === "order") return { ...evidence, calls: [...evidence.calls].reverse() };
  if (flags.break === "delivery") return { ...evidence, calls: evidence.calls.slice(0, -1) };
  return evidence;
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
    ? "  Hookline demo: recovery, a schema, an inbound source and a portal"
    : "  Hookline demo: 3 webhook definitions, 30 events, a receiver that is down at first",
);
say();
try {
  process.exitCode = (await (flags.platform ? runPlatform() : run())) ? 0 : 1;
} catch (error) {
  if (!(error instanceof Interrupted)) process.stderr.write(`  the demo failed: ${(error as Error).stack}\n`);
  else say("\n  interrupted; what it made is removed");
  process.exitCode = error instanceof Interrupted ? 130 : 1;
}
await cleanOnce();
process.exit();
