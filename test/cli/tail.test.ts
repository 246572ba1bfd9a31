/** `hookline tail` where things break: its connection before the first update, the file that it keeps its cursor in. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Api, connect } from "../../src/cli/client.ts";
import { follow } from "../../src/cli/follow.ts";
import type { TailUpdate } from "../../src/cli/line.ts";
import { watchPlace } from "../../src/cli/place.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { type DatabaseProxy, startProxy } from "../helpers/proxy.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Running, run, start as startCli } from "./run.ts";

let app: TestApp;
let receiver: Receiver;
let proxy: DatabaseProxy;
let api: Api;
let env: Record<string, string>;
const folder = mkdtempSync(path.join(tmpdir(), "hookline tail-"));

beforeAll(async () => {
  app = await testApp({}, { worker: true });
  receiver = await startReceiver();
  proxy = await startProxy(app.url);
  env = { HOOKLINE_URL: proxy.url.replace(/\/$/, ""), HOOKLINE_TOKEN: app.adminToken };
  api = await connect({ url: app.url, token: app.adminToken, dataDir: folder });
  await api.graphql(
    `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename ... on Error { message } } }`,
    { input: { name: "all", code: "all", eventTypes: ["*"], targetUrl: receiver.url } },
  );
}, 60_000);
afterAll(async () => {
  await proxy?.close();
  await app?.close();
  await receiver?.close();
  rmSync(folder, { recursive: true, force: true });
});

const running: Running[] = [];
function start(args: readonly string[]): Running {
  const tail = startCli(args, env);
  running.push(tail);
  return tail;
}
afterEach(async () => {
  for (const { child } of running.splice(0)) child.kill("SIGKILL");
  await expect.poll(() => app.doors.feed.subscribers, { timeout: 20_000 }).toBe(0);
});

/** Past the proxy. */
const emit = (type: string) => api.postEvents(JSON.stringify({ type }), randomUUID());
const kept = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").trim() : "");
/** Its subscription stands. */
const follows = () => expect.poll(() => app.doors.feed.subscribers, { timeout: 20_000 }).toBe(1);

async function stop(tail: Running): Promise<number | null> {
  tail.child.kill("SIGINT");
  return (await tail.ended).code;
}

describe("tail before its first update", { timeout: 60_000 }, () => {
  it("goes on without a gap when its connection breaks", async () => {
    const tail = start(["tail", "--type", "early"]);
    await follows();
    proxy.down();
    await tail.until(() => tail.err.some((line) => line.startsWith("connection lost")));
    await emit("early");
    proxy.up();
    await tail.until(() => tail.out.length === 1);
    expect(tail.out[0]).toContain("early");
    expect(await stop(tail)).toBe(0);
  });

  it("keeps where it began, and the next run shows what came between", async () => {
    const file = path.join(folder, "quiet");
    const args = ["tail", "--type", "between", "--cursor-file", file];
    const quiet = start(args);
    await follows();
    await expect.poll(() => kept(file)).not.toBe("");
    // Not even a kill takes it.
    quiet.child.kill("SIGKILL");
    await quiet.ended;
    await emit("between");
    const { code, out } = await run([...args, "--count", "1"], env);
    expect({ code, out }).toEqual({ code: 0, out: [expect.stringContaining("between")] });
  });
});

describe("a tail whose filter matches nothing of what happens", { timeout: 90_000 }, () => {
  /** Follows `type`, and looks often how far it has come. */
  function followed(type: string, placeEveryMs: number) {
    const [places, updates]: [string[], TailUpdate[]] = [[], []];
    const ended = new AbortController();
    const options = { filter: { eventType: type }, signal: ended.signal, placeEveryMs };
    const done = follow(api, { ...options, onPlace: (cursor) => places.push(cursor), onUpdate: (update) => updates.push(update) });
    const stop = async () => {
      ended.abort();
      await done;
    };
    return { places, updates, stop };
  }
  const delivered = (type: string) => receiver.waitFor((calls) => calls.some((call) => call.json().type === type));

  it("comes on, so that its cursor stays good, and misses nothing", async () => {
    const tail = followed("rare", 500);
    await expect.poll(() => tail.places.length).toBe(1);
    await emit("plenty");
    await delivered("plenty");
    await expect.poll(() => tail.places.length, { timeout: 40_000 }).toBeGreaterThan(1);
    const last = tail.places.at(-1) as string;
    await emit("rare");
    await expect.poll(() => tail.updates.length).toBeGreaterThan(1);
    await tail.stop();
    // After that cursor there is nothing of the others, and all of its own.
    const { out } = await run(["tail", "--after", last, "--count", "1", "--json"], env);
    expect(JSON.parse(out[0] as string).request.event.type).toBe("rare");
  });

  it("does not come past an update that its own subscription has not brought yet", async () => {
    const { liveCursor } = await api.graphql<{ liveCursor: string }>("{ liveCursor }");
    await emit("held");
    await delivered("held");
    await emit("plenty");
    const moved: string[] = [];
    const ended = new AbortController();
    // Nobody moves the cursor: the update is "on its way" for ever.
    const cursor = () => liveCursor;
    const options = {
      filter: { eventType: "held" },
      everyMs: 100,
      signal: ended.signal,
      cursor,
      move: (place: string) => moved.push(place),
    };
    const watching = watchPlace(api, options).catch(() => undefined);
    // A look that finds nothing in the way takes one ping, 15 s: with another filter it comes on meanwhile.
    const other: string[] = [];
    const free = { ...options, filter: { eventType: "free" }, move: (place: string) => other.push(place) };
    const beside = watchPlace(api, free).catch(() => undefined);
    await expect.poll(() => other.length, { timeout: 40_000 }).toBeGreaterThan(0);
    expect(moved).toEqual([]);
    ended.abort();
    await Promise.all([watching, beside]);
  });
});

describe("tail --cursor-file that cannot be written", { timeout: 60_000 }, () => {
  const told = (tail: Running) => tail.err.filter((line) => line.startsWith("the cursor file cannot be written"));

  it("is told at once, and once; the tail goes on, and saves when it can", async () => {
    const place = path.join(folder, "not yet");
    const file = path.join(place, "cursor");
    const tail = start(["tail", "--type", "homeless", "--cursor-file", file]);
    await follows();
    expect(told(tail)).toHaveLength(1);
    for (let lines = 1; lines <= 3; lines++) {
      await emit("homeless");
      await tail.until(() => tail.out.length === lines);
    }
    mkdirSync(place);
    await emit("homeless");
    await tail.until(() => tail.err.includes("the cursor file is written again"));
    expect(kept(file)).not.toBe("");
    expect(told(tail)).toHaveLength(1);
    expect(await stop(tail)).toBe(0);
  });

  it("one write that fails does not end the saving", async () => {
    const file = path.join(folder, "in the way");
    const tail = start(["tail", "--type", "once", "--cursor-file", file, "--json"]);
    await follows();
    await emit("once");
    await tail.until(() => tail.out.length === 1);
    await expect.poll(() => kept(file)).toBe(JSON.parse(tail.out[0] as string).cursor);
    // The cursor cannot be renamed into its place while a folder stands there.
    rmSync(file);
    mkdirSync(file);
    await emit("once");
    await tail.until(() => told(tail).length === 1);
    rmdirSync(file);
    await emit("once");
    await tail.until(() => tail.out.length === 3);
    await expect.poll(() => kept(file)).toBe(JSON.parse(tail.out[2] as string).cursor);
    expect(await stop(tail)).toBe(0);
  });

  it("ends with 1 when the newest cursor is not written", async () => {
    const tail = start(["tail", "--type", "never", "--cursor-file", path.join(folder, "nowhere/cursor")]);
    await follows();
    await emit("never");
    await tail.until(() => tail.out.length === 1);
    expect(await stop(tail)).toBe(1);
    expect(tail.err.at(-1)).toMatch(/^hookline: the cursor file cannot be written: /);
  });
});
