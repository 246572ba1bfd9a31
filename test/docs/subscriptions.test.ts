/** docs/subscriptions.md: each block runs as it stands there, and loses and repeats nothing over cuts. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { addDefinition, addRequest } from "../helpers/log.ts";
import { type DatabaseProxy, startProxy } from "../helpers/proxy.ts";
import { blocksOfPage, writeBlocks } from "./blocks.ts";

let app: TestApp;
let proxy: DatabaseProxy;
let folder: string;
let child: ChildProcess | undefined;
beforeAll(async () => {
  app = await testApp();
  proxy = await startProxy(app.url);
  folder = writeBlocks(proxy.url.replace(/\/$/, ""), app.adminToken);
});
afterEach(async () => {
  proxy.up();
  if (child && child.exitCode === null && child.signalCode === null) {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }
});
afterAll(async () => {
  await proxy?.close();
  await app?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const CLIENTS = ["graphql-ws.mjs", "graphql-sse.mjs", "apollo.mjs", "urql.mjs", "relay.mjs", "event-source.mjs"];

test("every block of the page is run by a test", () => {
  expect([...blocksOfPage().keys()].sort()).toEqual([...CLIENTS, "resuming.mjs", "event-source-browser.mjs"].sort());
});

/** Starts a block. Its output is `number state` a line. */
function run(name: string) {
  let [output, mistakes] = ["", ""];
  const started = spawn(process.execPath, [path.join(folder, name)], { stdio: ["ignore", "pipe", "pipe"] });
  child = started;
  started.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  started.stderr.on("data", (chunk: Buffer) => (mistakes += chunk.toString()));
  const numbers = () => [...output.matchAll(/^(\d+) PENDING$/gm)].map(([, number]) => Number(number));
  async function until(condition: () => boolean, what: string): Promise<void> {
    for (const deadline = Date.now() + 30_000; !condition(); await sleep(10)) {
      if (Date.now() < deadline && started.exitCode === null) continue;
      throw new Error(`${what}: exit ${started.exitCode}\n${output.slice(-2_000)}\n${mistakes.slice(-4_000)}`);
    }
  }
  return { numbers, until, output: () => output };
}

describe.each(CLIENTS)("B74 B80 %s", (name) => {
  test("has every update once and in order, cut in the middle and before the first one", { timeout: 120_000 }, async () => {
    const definition = await addDefinition(app.t.core, app.t.organizationId);
    const sent: number[] = [];
    const emit = async (count: number) => {
      for (let i = 0; i < count; i++) sent.push((await addRequest(app.t.core, app.t.organizationId, definition)).number);
    };
    const before = app.doors.feed.subscribers;
    const block = run(name);
    await block.until(() => app.doors.feed.subscribers > before, "it does not subscribe");
    // A stream that was opened has said where it begins only when its first bytes are there.
    if (name === "event-source.mjs") await emit(1);
    if (name === "event-source.mjs") await block.until(() => block.numbers().length > 0, "nothing came");
    for (let cut = 0; cut < 3; cut++) {
      proxy.down();
      await emit(3);
      proxy.up();
      await block.until(() => block.numbers().length >= sent.length, `after cut ${cut + 1}`);
      await emit(4);
      // In the middle of these.
      if (cut < 2) continue;
      await block.until(() => block.numbers().length >= sent.length, "live again");
    }
    expect(block.numbers()).toEqual(sent);
    expect(block.output()).not.toContain("complete");
  });
});
