/** RESULTS.com's inbound URL under pressure: TLS, rate limits over two processes, deadlines, a database that is away. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Core } from "../../../src/core.ts";
import { openDatabase } from "../../../src/db/client.ts";
import { type TestCore, testCore } from "../../helpers/database.ts";
import { addHook, call, type Hook, makeHook, pathOf, post, type Serving, serveResults, valuesOf } from "./results-server.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
});
afterAll(() => t.close());

/** As a process of its own with these settings. */
async function serve(config: Partial<Core["config"]> = {}, options: Serving & { core?: Partial<Core> } = {}) {
  const core = await t.another();
  return serveResults({ ...core, ...options.core, config: { ...core.config, ...config } }, options);
}

const value = (date: string) => ({ date, value: 1 });
const PROXIED = { trustedProxies: ["127.0.0.0/8"] };
let addresses = 0;
/** A client address that no other test used. */
const fromNew = () => ({ "x-forwarded-for": `203.0.113.${++addresses}` });

describe("R2 TLS only", () => {
  test("with an https address plain HTTP gets 403, the same for any method, goal and key, and no redirect", async () => {
    const server = await serve({ publicUrl: "https://hooks.example" });
    const hook = await makeHook(t.core, t.admin);
    try {
      const answers = [
        await post(server.url + hook.path, value("2017-03-16")),
        await post(server.url + hook.path, value("2017-03-16"), { "x-forwarded-proto": "https" }),
        await post(`${server.url}/inbound/goals/x/y`, {}),
        await call("GET", server.url + hook.path),
        await call("PUT", `${server.url}/inbound/nowhere`),
      ];
      expect(answers.map((answer) => answer.status)).toEqual([403, 403, 403, 403, 403]);
      expect(new Set(answers.map((answer) => answer.text)).size).toBe(1);
      expect(await valuesOf(t.core, hook)).toEqual([]);
    } finally {
      await server.close();
    }
  });

  test("a trusted proxy that took it by TLS is believed; without an https address plain HTTP is taken", async () => {
    const hook = await makeHook(t.core, t.admin);
    const behind = await serve({ publicUrl: "https://hooks.example", ...PROXIED });
    const local = await serve();
    try {
      expect((await post(behind.url + hook.path, value("2017-03-16"), { "x-forwarded-proto": "https" })).status).toBe(201);
      expect((await post(behind.url + hook.path, value("2017-03-16"), { "x-forwarded-proto": "http" })).status).toBe(403);
      expect((await post(behind.url + hook.path, value("2017-03-16"))).status).toBe(403);
      expect((await post(local.url + hook.path, value("2017-03-17"))).status).toBe(201);
    } finally {
      await behind.close();
      await local.close();
    }
  });
});

describe("R29 429 TOO MANY REQUESTS", () => {
  test("by goal: exact over two processes, shared by its webhooks, wrong keys not counted", async () => {
    const limit = { inboundGoalLimit: { count: 10, seconds: 60 }, inboundAddressLimit: { count: 1000, seconds: 60 } };
    const [one, two] = [await serve(limit), await serve(limit)];
    const hook = await makeHook(t.core, t.admin);
    const sibling = await addHook(t.core, t.admin, hook.goal);
    try {
      for (let i = 0; i < 5; i++) expect((await post(one.url + pathOf(hook.goal, "wrong"), {})).status).toBe(401);
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          post((i % 2 ? one : two).url + (i % 3 ? hook : sibling).path, value(`2017-03-${String(i + 1).padStart(2, "0")}`)),
        ),
      );
      expect(answers.filter((answer) => answer.status === 201)).toHaveLength(10);
      const refused = answers.filter((answer) => answer.status === 429);
      expect(refused).toHaveLength(20);
      for (const { headers, body } of refused) {
        expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
        expect(Number(headers.get("retry-after"))).toBeLessThanOrEqual(60);
        expect([headers.get("ratelimit-limit"), headers.get("ratelimit-remaining")]).toEqual(["10", "0"]);
        expect(body).toMatchObject({ status: 429, error: "TOO MANY REQUESTS" });
      }
      expect(await valuesOf(t.core, hook)).toHaveLength(10);
      // Another goal has a bucket of its own; a wrong key still learns nothing of this one's.
      expect((await post(one.url + (await makeHook(t.core, t.admin)).path, value("2017-03-16"))).status).toBe(201);
      expect((await post(one.url + pathOf(hook.goal, "wrong"), {})).status).toBe(401);
    } finally {
      await one.close();
      await two.close();
    }
  });

  test("by address: wrong keys and unknown goals, exact over two processes, then also for a right key", async () => {
    const limit = { inboundAddressLimit: { count: 6, seconds: 60 }, ...PROXIED };
    const [one, two] = [await serve(limit), await serve(limit)];
    const hook = await makeHook(t.core, t.admin);
    const from = fromNew();
    try {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          post((i % 2 ? one : two).url + (i % 3 ? pathOf(hook.goal, `wrong${i}`) : `/inbound/goals/unknown/${i}`), {}, from),
        ),
      );
      expect(answers.filter(({ status }) => status === 401 || status === 404)).toHaveLength(6);
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(14);
      for (const { url } of [one, two]) {
        const right = await post(url + hook.path, value("2017-03-16"), from);
        expect([right.status, right.headers.get("ratelimit-limit")]).toEqual([429, "6"]);
        expect(Number(right.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
        expect((await post(url + hook.path, value("2017-03-16"), fromNew())).status).toBeLessThan(300);
      }
      // The methods come first in the order of checks.
      expect((await call("GET", one.url + hook.path, undefined, from)).status).toBe(405);
    } finally {
      await one.close();
      await two.close();
    }
  });

  test("the address is the client's only behind a trusted proxy: the header of anybody else counts for nothing", async () => {
    const server = await serve({ inboundAddressLimit: { count: 2, seconds: 60 } });
    const hook = await makeHook(t.core, t.admin);
    try {
      await t.core.db.pool.query("DELETE FROM rate_bucket WHERE key = 'address:127.0.0.1'");
      const statuses = [];
      for (let i = 0; i < 4; i++) statuses.push((await post(server.url + pathOf(hook.goal, "wrong"), {}, fromNew())).status);
      expect(statuses).toEqual([401, 401, 429, 429]);
      await t.core.db.pool.query("DELETE FROM rate_bucket WHERE key = 'address:127.0.0.1'");
    } finally {
      await server.close();
    }
  });

  test("a window ends: after Retry-After posts are taken again", async () => {
    const server = await serve({ inboundGoalLimit: { count: 2, seconds: 1 } });
    const hook = await makeHook(t.core, t.admin);
    try {
      const first = await post(server.url + hook.path, value("2017-03-01"));
      expect([first.headers.get("ratelimit-limit"), first.headers.get("ratelimit-remaining")]).toEqual(["2", "1"]);
      await post(server.url + hook.path, value("2017-03-02"));
      const refused = await post(server.url + hook.path, value("2017-03-03"));
      expect(refused.status).toBe(429);
      await sleep(Number(refused.headers.get("retry-after")) * 1000);
      expect((await post(server.url + hook.path, value("2017-03-03"))).status).toBe(201);
    } finally {
      await server.close();
    }
  });
});

/** Sends raw bytes, and gives everything that comes back until the socket closes or `until` is seen. */
function raw(port: number, bytes: string, until = /\r\n\r\n.*\}$/s): Promise<{ text: string; socket: Socket }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString();
      if (until.test(text)) resolve({ text, socket });
    });
    socket.on("error", reject);
    socket.on("close", () => resolve({ text, socket }));
  });
}

const head = (hook: Hook, length: number) =>
  `POST ${hook.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

describe("R27 408 REQUEST TIMEOUT", () => {
  test("a body that does not come to its end; its late rest records nothing, and the client may send again", async () => {
    const server = await serve({}, { bodyMs: 300 });
    const hook = await makeHook(t.core, t.admin);
    const body = JSON.stringify(value("2017-03-16"));
    try {
      const { text, socket } = await raw(server.port, head(hook, body.length) + body.slice(0, 10));
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
      expect(text).toContain('"error":"REQUEST TIMEOUT"');
      socket.on("error", () => undefined);
      socket.write(body.slice(10));
      socket.destroy();
      expect((await post(server.url + hook.path, value("2017-03-17"))).status).toBe(201);
      expect(await valuesOf(t.core, hook)).toEqual(["2017-03-17 1"]);
    } finally {
      await server.close();
    }
  });

  test("processing of ours that takes too long is given up, and never recorded later", async () => {
    const hook = await makeHook(t.core, t.admin);
    let late: Promise<unknown> = Promise.resolve();
    const server = await serve(
      {},
      {
        processingMs: 300,
        ingest: (real) => ({
          ...real,
          async within(...args) {
            late = sleep(600);
            await late;
            return real.within(...args);
          },
        }),
      },
    );
    try {
      const answer = await post(server.url + hook.path, value("2017-03-16"));
      expect([answer.status, answer.body.error]).toEqual([408, "REQUEST TIMEOUT"]);
      await late;
      const other = await serve();
      expect((await post(other.url + hook.path, value("2017-03-17"))).status).toBe(201);
      await other.close();
      expect(await valuesOf(t.core, hook)).toEqual(["2017-03-17 1"]);
    } finally {
      await server.close();
    }
  });

  test("a client that leaves in the middle of its body records nothing", async () => {
    const server = await serve();
    const hook = await makeHook(t.core, t.admin);
    const body = JSON.stringify(value("2017-03-16"));
    const socket = connect(server.port, "127.0.0.1", () =>
      socket.write(head(hook, body.length) + body.slice(0, -1), () => socket.destroy()),
    );
    try {
      await new Promise((resolve) => socket.once("close", resolve));
      expect((await post(server.url + hook.path, value("2017-03-17"))).status).toBe(201);
      expect(await valuesOf(t.core, hook)).toEqual(["2017-03-17 1"]);
    } finally {
      await server.close();
    }
  });
});

test("R30 500 INTERNAL SERVER ERROR: an unexpected error is told without details", async () => {
  const hook = await makeHook(t.core, t.admin);
  const server = await serve(
    {},
    {
      ingest: (real) => ({
        ...real,
        within: async () => {
          throw new Error("a fault of ours with a secret in its message");
        },
      }),
    },
  );
  try {
    const answer = await post(server.url + hook.path, value("2017-03-16"));
    expect([answer.status, answer.body.error]).toEqual([500, "INTERNAL SERVER ERROR"]);
    expect(answer.text).not.toContain("secret");
    expect(await valuesOf(t.core, hook)).toEqual([]);
  } finally {
    await server.close();
  }
});

/** A way to Postgres that can be cut. */
async function throughProxy(target: string): Promise<{ url: string; cut(): Promise<void>; close(): Promise<void> }> {
  const to = new URL(target);
  const sockets = new Set<Socket>();
  let server: Server;
  const open = (port: number) =>
    new Promise<number>((resolve) => {
      server = createServer((client) => {
        const upstream = connect(Number(to.port), to.hostname);
        for (const [a, b] of [
          [client, upstream],
          [upstream, client],
        ] as const) {
          sockets.add(a);
          a.on("error", () => b.destroy());
          a.on("close", () => b.destroy());
          a.pipe(b);
        }
      });
      server.listen(port, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
  const port = await open(0);
  const url = new URL(target);
  url.host = `127.0.0.1:${port}`;
  const cut = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { url: url.href, cut, close: cut };
}

describe("R31 503 SERVICE UNAVAILABLE", () => {
  test("the database is away: 503 with Retry-After, for unknown goals too; TLS, 405 and a known 429 come before", async () => {
    const proxy = await throughProxy(t.url);
    const db = openDatabase(proxy.url);
    const limits = { inboundAddressLimit: { count: 2, seconds: 60 }, inboundGoalLimit: { count: 1, seconds: 60 }, ...PROXIED };
    const server = await serve(limits, { core: { db } });
    const hook = await makeHook(t.core, t.admin);
    const limited = fromNew();
    try {
      for (let i = 0; i < 2; i++) await post(server.url + pathOf(hook.goal, "wrong"), {}, limited);
      expect((await post(server.url + hook.path, value("2017-03-16"), fromNew())).status).toBe(201);
      await proxy.cut();
      const from = fromNew();
      const unknown = await post(`${server.url}/inbound/goals/goa_${"0".repeat(32)}/x`, {}, from);
      expect([unknown.status, unknown.body.error]).toEqual([503, "SERVICE UNAVAILABLE"]);
      expect(Number(unknown.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
      expect((await post(`${server.url}/inbound/goals/nonsense/x`, {}, from)).text).toBe(unknown.text);
      expect((await call("GET", server.url + hook.path, undefined, from)).status).toBe(405);
      expect((await post(server.url + pathOf(hook.goal, "wrong"), {}, limited)).status).toBe(429);
      expect((await post(server.url + hook.path, value("2017-03-17"), fromNew())).status).toBe(429);
      expect((await post(server.url + pathOf(hook.goal, "wrong"), {}, fromNew())).status).toBe(503);
    } finally {
      await server.close();
      await db.close();
      await proxy.close().catch(() => undefined);
    }
  });

  test("a database that is blocked longer than the deadline: 503, and nothing of it is recorded later", async () => {
    const server = await serve({}, { processingMs: 400 });
    const hook = await makeHook(t.core, t.admin);
    const blocker = new pg.Client({ connectionString: t.url });
    await blocker.connect();
    try {
      await blocker.query("BEGIN");
      await blocker.query("SELECT 1 FROM goal WHERE id = $1 FOR UPDATE", [hook.goal.id]);
      const answer = await post(server.url + hook.path, value("2017-03-16"));
      expect([answer.status, answer.headers.has("retry-after")]).toEqual([503, true]);
      await blocker.query("COMMIT");
      await blocker.query("LOCK TABLE goal IN ACCESS EXCLUSIVE MODE").catch(() => undefined);
      expect((await post(server.url + hook.path, value("2017-03-17"))).status).toBe(201);
      expect(await valuesOf(t.core, hook)).toEqual(["2017-03-17 1"]);
    } finally {
      await blocker.end();
      await server.close();
    }
  });
});

test("HTTP that is not clear is refused: Content-Length with Transfer-Encoding, no Host", async () => {
  const server = await serve();
  const hook = await makeHook(t.core, t.admin);
  try {
    const both = `POST ${hook.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
    expect((await raw(server.port, both)).text).toMatch(/^HTTP\/1\.1 400 /);
    expect((await raw(server.port, `POST ${hook.path} HTTP/1.1\r\nContent-Length: 0\r\n\r\n`)).text).toMatch(/^HTTP\/1\.1 400 /);
    expect(await valuesOf(t.core, hook)).toEqual([]);
  } finally {
    await server.close();
  }
});
