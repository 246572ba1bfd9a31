/**
 * A switch-over: the standby is promoted, the old primary lives on and takes no writes, new connections are led to the new
 * one, nobody cuts the old ones. In CI a PostgreSQL with pg_basebackup has to be there; elsewhere this runs where one is installed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startProxy } from "../fault/proxy.ts";
import { MASTER_KEY_TEXT } from "../helpers/database.ts";
import { ask as graphql } from "../helpers/main-path.ts";
import { startProgram } from "../helpers/program.ts";
import { startReceiver } from "../helpers/receiver.ts";
import { ask, replicationPrograms, startPair } from "./standby.ts";

const TOKEN = "standby-0123456789abcdefghijklmnopqrstuvwxyz";
const found = replicationPrograms();
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function startWorld() {
  const folder = mkdtempSync(path.join(tmpdir(), "hookline standby-test-"));
  undo.push(async () => rmSync(folder, { recursive: true, force: true }));
  const pair = await startPair(found as NonNullable<typeof found>);
  undo.push(pair.stop);
  const proxy = await startProxy(Number(pair.primary.port));
  undo.push(proxy.close);
  const url = Object.assign(new URL(pair.primary), { port: String(proxy.port) });
  const program = startProgram({
    DATABASE_URL: url.href,
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_ADMIN_TOKEN: TOKEN,
    HOOKLINE_DATA_DIR: folder,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
  });
  undo.push(async () => program.child.exitCode === null && program.stop());
  const receiver = await startReceiver();
  undo.push(receiver.close);
  const base = await program.up();
  await graphql(
    { url: base, token: TOKEN },
    `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) { __typename ... on Error { message } } }`,
    { input: { name: "switch", targetUrl: `${receiver.url}/switch`, eventTypes: ["main.*"], retrySchedule: [1, 1, 1, 1, 1] } },
  );
  const accepted: number[] = [];
  let last = 0;
  const emit = async () => {
    const n = ++last;
    const reply = await fetch(`${base}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ type: "main.path", payload: { n } }),
    });
    await reply.arrayBuffer();
    if (reply.status === 202) accepted.push(n);
    return { status: reply.status, retryAfter: reply.headers.get("retry-after") };
  };
  const ready = async () => {
    const reply = await fetch(`${base}/readyz`);
    await reply.arrayBuffer();
    return reply.status;
  };
  const received = () => receiver.calls.map((call) => (JSON.parse(call.body.toString()) as { data: { n: number } }).data.n);
  return { pair, proxy, program, accepted, emit, ready, received };
}

/** Ours, by purpose. */
async function sessions(url: URL): Promise<string[]> {
  const rows = await ask<{ purpose: string }>(
    url,
    "SELECT DISTINCT split_part(application_name, ' ', 3) AS purpose FROM pg_stat_activity WHERE application_name LIKE 'hookline %' ORDER BY 1",
  );
  return rows.map(({ purpose }) => purpose);
}

describe.runIf(found !== undefined || process.env["CI"] !== undefined)("B13 a standby is promoted", { timeout: 180_000 }, () => {
  test("B13 writes and LISTEN are back within 15 s, readiness says what is so meanwhile, no session stays behind", async () => {
    const { pair, proxy, accepted, emit, ready, received } = await startWorld();
    for (let i = 0; i < 5; i++) expect((await emit()).status).toBe(202);
    await expect.poll(() => received().length).toBe(5);
    expect(await ready()).toBe(200);

    await pair.closePrimary();
    // An answer is good for a second.
    await expect.poll(ready, { timeout: 5_000, interval: 100 }).toBe(503);
    for (let i = 0; i < 3; i++) {
      expect(await emit()).toEqual({ status: 503, retryAfter: expect.stringMatching(/^\d+$/) });
      expect(await ready()).toBe(503);
    }

    proxy.target = Number(pair.standby.port);
    await pair.promote();
    const promoted = performance.now();
    await expect.poll(ready, { timeout: 15_000, interval: 100 }).toBe(200);
    // Whoever says ready takes the write.
    expect((await emit()).status).toBe(202);
    await expect.poll(() => sessions(pair.primary), { timeout: 15_000, interval: 200 }).toEqual([]);
    await expect
      .poll(() => sessions(pair.standby), { timeout: 15_000, interval: 200 })
      .toEqual(expect.arrayContaining(["notify", "queue"]));
    expect(performance.now() - promoted).toBeLessThan(15_000);

    for (let i = 0; i < 10; i++) expect((await emit()).status).toBe(202);
    await expect.poll(() => new Set(received()), { timeout: 20_000 }).toEqual(new Set(accepted));
    const firsts = received().filter((n, i, all) => all.indexOf(n) === i);
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
  });

  test("B13 nobody asks and nothing is written: it goes over all the same", async () => {
    const { pair, proxy, emit, ready } = await startWorld();
    expect((await emit()).status).toBe(202);
    proxy.target = Number(pair.standby.port);
    await pair.closePrimary();
    await pair.promote();
    await expect.poll(() => sessions(pair.primary), { timeout: 15_000, interval: 500 }).toEqual([]);
    expect([await ready(), (await emit()).status]).toEqual([200, 202]);
  });

  test("B13 a new primary beside an old one that still takes writes: sessions leave it", async () => {
    const { pair, proxy, emit, ready } = await startWorld();
    expect((await emit()).status).toBe(202);
    proxy.target = Number(pair.standby.port);
    await pair.promote();
    await expect.poll(() => sessions(pair.primary), { timeout: 20_000, interval: 500 }).toEqual([]);
    expect([await ready(), (await emit()).status]).toEqual([200, 202]);
  });
});
