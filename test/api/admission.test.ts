/** Bodies that come slowly, or not at all: what they hold, and whom they keep out. */
import { connect, type Socket } from "node:net";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ROLE_SCOPES } from "../../src/accounts/caller.ts";
import { issueToken } from "../../src/accounts/tokens.ts";
import { EVENTS, HTTP } from "../../src/api/limits.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

const MB = 2 ** 20;
/** Megabytes of bodies, and calls. */
const MOST = { openCallsMb: 16, openCalls: 400 };

let app: TestApp;
/** Of two organizations more. */
let [second, third] = ["", ""];
const sockets: Socket[] = [];
beforeAll(async () => {
  app = await testApp(MOST);
  const token = async () => app.token({ organizationId: (await app.t.organization()).id });
  [second, third] = [await token(), await token()];
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await expect.poll(() => emit(), { timeout: 10_000 }).toBe(202);
});
afterAll(() => app?.close());

const emit = (token = app.adminToken, bytes = 10) => post(token, { type: "some.thing", payload: "x".repeat(bytes) });

async function post(token: string, events: object): Promise<number> {
  const response = await fetch(`${app.url}/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  await response.text();
  return response.status;
}

interface Slow {
  /** What was answered so far. */
  answer(): string;
  /** Sends the rest of the text. */
  end(): void;
}

/** A call of which `sent` bytes of `length` come; without a length it is chunked. */
async function slow(path: string, headers: string[], { sent, length }: { sent: number; length?: number }, text?: string): Promise<Slow> {
  const { port } = new URL(app.url);
  const socket = connect(Number(port), "127.0.0.1");
  sockets.push(socket);
  let answer = "";
  socket.on("data", (bytes) => {
    answer += bytes;
  });
  socket.on("error", () => undefined);
  const framing = length === undefined ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
  const head = [`POST ${path} HTTP/1.1`, "Host: a", "Content-Type: application/json", framing, ...headers].join("\r\n");
  const body = length === undefined ? `${sent.toString(16)}\r\n${"x".repeat(sent)}\r\n` : (text?.slice(0, sent) ?? "x".repeat(sent));
  await new Promise<void>((resolve) => socket.write(`${head}\r\n\r\n${sent > 0 ? body : ""}`, () => resolve()));
  return { answer: () => answer, end: () => void socket.write(text?.slice(sent) ?? "") };
}

/** Of heads that were written. */
const arrival = () => new Promise((resolve) => setTimeout(resolve, 500));

const bearer = (token: string) => `Authorization: Bearer ${token}`;
const refused = (calls: readonly Slow[], status: number) => calls.filter(({ answer }) => answer().startsWith(`HTTP/1.1 ${status}`)).length;

describe("bodies of callers nobody knows", () => {
  test.each(["/graphql", "/sign-in-token", "/api/v1/Webhook", "/nope", "/v1/events"])(
    "POST %s that announces a megabyte and sends nothing keeps nobody out",
    async (path) => {
      await Promise.all(Array.from({ length: 150 }, () => slow(path, [], { sent: 0, length: HTTP.bodyBytes })));
      expect(await emit()).toBe(202);
    },
  );

  test("together they hold a quarter, whatever they announce; who is known is served", async () => {
    const calls: Slow[] = [];
    // 24 megabytes of 16, of which they may hold four.
    for (let i = 0; i < 24; i++) calls.push(await slow("/crmapi/rest/v2/webhook_requests/list", [], { sent: MB - 10, length: MB }));
    await expect.poll(() => refused(calls, 503), { timeout: 10_000 }).toBe(20);
    expect(await emit(app.adminToken, MB / 2)).toBe(202);
  });

  test("and a quarter of the calls", async () => {
    const calls = await Promise.all(
      Array.from({ length: 120 }, () => slow("/crmapi/rest/v2/webhook_requests/list", [], { sent: 1, length: 1_000 })),
    );
    await expect.poll(() => refused(calls, 503), { timeout: 10_000 }).toBe(20);
    expect(await emit()).toBe(202);
  });

  test("a body larger than anybody without a token needs is not waited for", async () => {
    const call = await slow("/graphql", ["Authorization: Bearer wrong"], { sent: 0, length: HTTP.bodyBytes });
    await expect.poll(() => refused([call], 401), { timeout: 10_000 }).toBe(1);
  });
});

describe("bodies of one organization", () => {
  test.each([
    ["announced", EVENTS.bodyBytes - 10],
    ["chunked", undefined],
  ] as const)("%s ones of five megabytes hold half of the room beside others, which are served", async (_, length) => {
    const sent = 4 * MB - 100;
    const send = (token: string) => slow("/v1/events", [bearer(token)], length === undefined ? { sent } : { sent, length });
    const calls: Slow[] = [];
    for (let i = 0; i < 3; i++) calls.push(await send(app.adminToken));
    // Of three, two may stay once somebody else is there: the next byte of any of them counts, also of one that is on its way.
    await slow("/v1/events", [bearer(second)], { sent: 10, length: 1_000 });
    for (let i = 0; i < 2; i++) calls.push(await send(app.adminToken));
    await expect.poll(() => refused(calls, 429), { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    expect(await emit(second, MB / 2)).toBe(202);
  });

  test("that do not come keep nobody out: others find calls open, and it gets no more while others send", async () => {
    const open = () => slow("/v1/events", [bearer(app.adminToken)], { sent: 0, length: 1 });
    const calls = await Promise.all(Array.from({ length: MOST.openCalls }, open));
    await arrival();
    expect(await emit(second)).toBe(202);
    expect(refused(calls, 503) + refused(calls, 429)).toBe(0);
    expect(await emit()).toBe(503);
    const other = await slow("/v1/events", [bearer(second)], { sent: 0, length: 1 });
    await expect.poll(() => emit()).toBe(429);
    expect(await emit(third)).toBe(202);
    expect(refused([...calls, other], 503) + refused([...calls, other], 429)).toBe(0);
  });

  test("what others leave for the next is theirs together: beyond it 503 before anything is read", async () => {
    const open = (token: string) => slow("/v1/events", [bearer(token)], { sent: 0, length: 1 });
    await Promise.all(Array.from({ length: MOST.openCalls }, () => open(app.adminToken)));
    await arrival();
    const beyond: Slow[] = [];
    for (const token of [second, third]) beyond.push(...(await Promise.all(Array.from({ length: 60 }, () => open(token)))));
    await expect.poll(() => refused(beyond, 503)).toBe(20);
  });

  test("that fill all the room alone keep nobody out: others find some, and then it has half", async () => {
    const calls: Slow[] = [];
    const send = () => slow("/v1/events", [bearer(app.adminToken)], { sent: 4 * MB, length: EVENTS.bodyBytes - 10 });
    for (let i = 0; i < 4; i++) calls.push(await send());
    await arrival();
    expect(await emit(second)).toBe(202);
    expect(refused(calls, 429) + refused(calls, 503)).toBe(0);
  });

  test("alone it has all the room", async () => {
    const four = Array.from({ length: 4 }, () => ({ type: "some.thing", payload: "x".repeat(0.9 * MB) }));
    expect(await Promise.all([1, 2, 3, 4].map(() => post(app.adminToken, four)))).toEqual([202, 202, 202, 202]);
  });

  test("all organizations together hold what there is: beyond it 503", async () => {
    const tokens = [app.adminToken, second, third];
    const calls: Slow[] = [];
    for (let i = 0; i < 6; i++)
      calls.push(await slow("/v1/events", [bearer(tokens[i % 3] as string)], { sent: 3 * MB, length: EVENTS.bodyBytes - 10 }));
    await expect.poll(() => refused(calls, 503), { timeout: 10_000 }).toBe(1);
  });

  test("a caller of a face who is known by its head is no stranger", async () => {
    const calls = await Promise.all(
      Array.from({ length: 120 }, () => slow("/api/v1/Webhook", [bearer(app.adminToken)], { sent: 1, length: 1_000 })),
    );
    expect(await emit()).toBe(202);
    expect(refused(calls, 503)).toBe(0);
  });

  test("a lone call fits, whatever its size, and what has been answered is held no longer", async () => {
    for (let i = 0; i < 6; i++) expect(await emit(app.adminToken, MB - 100)).toBe(202);
  });

  test("whose caller becomes known while the body comes stays counted as it was", async () => {
    const { userId, organizationId } = await app.t.caller("ADMIN");
    const { token } = await issueToken(app.t.core, {
      ...{ organizationId, userId: userId as string, name: "late", role: "ADMIN", scopes: ROLE_SCOPES.ADMIN, expiresAt: null },
    });
    const setDisabled = (disabled: boolean) =>
      app.t.asServer(`UPDATE users SET disabled_at = ${disabled ? "now()" : "NULL"} WHERE id = '${userId}'`);
    await setDisabled(true);
    const known = async () =>
      (await fetch(`${app.url}/v1/events`, { method: "POST", headers: { authorization: `Bearer ${token}` } })).status;
    await expect.poll(known, { timeout: 10_000 }).toBe(401);
    // A quarter of the calls, all of them strangers until their bodies are whole.
    const query = '{"query":"{ viewer { role } }"}';
    const headers = [bearer(token), "Connection: close"];
    const calls = await Promise.all(Array.from({ length: 100 }, () => slow("/graphql", headers, { sent: 1, length: query.length }, query)));
    await setDisabled(false);
    await expect.poll(known, { timeout: 10_000 }).not.toBe(401);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    for (const call of calls) call.end();
    await expect.poll(() => refused(calls, 200), { timeout: 10_000 }).toBe(100);
    const stranger = await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json" }, body: query });
    expect(stranger.status).toBe(401);
  });
});

describe("calls without a body", () => {
  let small: TestApp;
  let other = "";
  beforeAll(async () => {
    small = await testApp({ openCalls: 10 });
    other = await small.token({ organizationId: (await small.t.organization()).id });
  });
  afterAll(() => small?.close());

  const get = (token: string, query: string, accept: string) =>
    fetch(`${small.url}/graphql?query=${encodeURIComponent(query)}`, { headers: { accept, authorization: `Bearer ${token}` } });
  const emitTo = async (token: string) =>
    (
      await fetch(`${small.url}/v1/events`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: '{"type":"some.thing"}',
      })
    ).status;

  test("a stream that is open is no open call", async () => {
    const streams: Response[] = [];
    for (let i = 0; i < 20; i++)
      streams.push(await get(small.adminToken, "subscription { webhookRequestUpdated { cursor } }", "text/event-stream"));
    expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
    expect(await emitTo(small.adminToken)).toBe(202);
    await Promise.all(streams.map(({ body }) => body?.cancel()));
  });

  test("of one organization leave some to others", async () => {
    const lock = new pg.Client({ connectionString: small.t.url });
    await lock.connect();
    await lock.query("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE");
    const calls = Array.from({ length: 20 }, () =>
      get(small.adminToken, "{ auditEntries { edges { cursor } } }", "application/json").then(({ status }) => status),
    );
    await arrival();
    expect(await emitTo(other)).toBe(202);
    await lock.end();
    expect(new Set(await Promise.all(calls))).toEqual(new Set([200, 503]));
  });
});
