/** The ids of server-sent events: a browser that comes back goes on where it was, without a gap and without a repeat. */
import { setTimeout as sleep } from "node:timers/promises";
import { EventSource } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSession } from "../../src/accounts/sessions.ts";
import { LIVE } from "../../src/api/limits.ts";
import { globalId } from "../../src/wire/ids.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";
import { addDefinition, addRequest } from "../helpers/log.ts";
import { startProxy } from "../helpers/proxy.ts";

let app: TestApp;
let organizationId: string;
beforeAll(async () => {
  app = await testApp();
  organizationId = app.t.organizationId;
});
afterAll(() => app?.close());

/** The cursor is not asked for: the ids are there all the same. */
const NUMBERS =
  "subscription ($filter: WebhookRequestFilter, $after: String) { webhookRequestUpdated(filter: $filter, after: $after) { request { number } } }";

async function until(condition: () => boolean, ms = 15_000): Promise<void> {
  for (const deadline = Date.now() + ms; !condition(); await sleep(10)) if (Date.now() > deadline) throw new Error(`waited ${ms} ms`);
}

interface Reading {
  blocks: string[];
  text(): string;
  close(): void;
}

async function read(query: string, variables: object = {}, headers: Record<string, string> = {}, method = "GET"): Promise<Reading> {
  const end = new AbortController();
  const url = new URL("/graphql", app.url);
  if (method === "GET") {
    url.searchParams.set("query", query);
    url.searchParams.set("variables", JSON.stringify(variables));
  }
  const response = await fetch(url, {
    method,
    headers: { accept: "text/event-stream", authorization: `Bearer ${app.adminToken}`, "content-type": "application/json", ...headers },
    signal: end.signal,
    ...(method === "POST" ? { body: JSON.stringify({ query, variables }) } : {}),
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  let text = "";
  const reading = { blocks: [] as string[], text: () => text, close: () => end.abort() };
  const decoder = new TextDecoder();
  void (async () => {
    for await (const chunk of response.body as ReadableStream<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      reading.blocks = text.split("\n\n").slice(0, -1);
    }
  })().catch(() => undefined);
  return reading;
}

const field = (block: string | undefined, name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block ?? "")?.[1];
const eventsOf = (reading: Reading) => reading.blocks.filter((block) => block.startsWith("event: next"));
const numberIn = (block: string) => JSON.parse(field(block, "data") ?? "{}").data.webhookRequestUpdated.request.number as number;
const now = async () => (await data(app, app.adminToken, "{ liveCursor }")).liveCursor as string;

async function stream() {
  const definition = await addDefinition(app.t.core, organizationId);
  const filter = { webhookDefinitionId: globalId("WebhookDefinition", definition.id) };
  return { filter, emit: async () => (await addRequest(app.t.core, organizationId, definition)).number };
}

describe("B74 Last-Event-ID", () => {
  test("every event has its cursor as id, whether the cursor is asked for or not", async () => {
    const { filter, emit } = await stream();
    const query = NUMBERS.replace("{ request", "{ where: cursor request");
    const [named, bare] = [await read(query, { filter }), await read(NUMBERS, { filter }, {}, "POST")];
    for (const each of [named, bare]) await until(() => each.blocks.length > 0);
    const number = await emit();
    await until(() => eventsOf(named).length === 1 && eventsOf(bare).length === 1);
    const [event] = eventsOf(named);
    expect(field(event, "id")).toBe(JSON.parse(field(event, "data") as string).data.webhookRequestUpdated.where);
    expect(field(eventsOf(bare)[0], "id")).toBe(field(event, "id"));
    expect(numberIn(eventsOf(bare)[0] as string)).toBe(number);
    for (const each of [named, bare]) each.close();
  });

  test("a stream begins with where it stands, so that a cut before the first event loses nothing", async () => {
    const { filter, emit } = await stream();
    const first = await read(NUMBERS, { filter });
    await until(() => first.blocks.length > 0);
    const id = field(first.blocks[0], "id") as string;
    expect(Number(field(first.blocks[0], "retry"))).toBeGreaterThanOrEqual(1_000);
    first.close();
    const missed = [await emit(), await emit()];
    const second = await read(NUMBERS, { filter }, { "last-event-id": id });
    await until(() => eventsOf(second).length === 2);
    expect(eventsOf(second).map(numberIn)).toEqual(missed);
    expect(field(second.blocks[0], "id")).toBe(id);
    second.close();
  });

  test("counts before the `after` of the URL, which is older; an empty one counts for nothing", async () => {
    const { filter, emit } = await stream();
    const after = await now();
    const numbers = [await emit(), await emit(), await emit()];
    const whole = await read(NUMBERS, { filter, after });
    await until(() => eventsOf(whole).length === 3);
    const second = field(eventsOf(whole)[1], "id") as string;
    const resumed = await read(NUMBERS, { filter, after }, { "last-event-id": second });
    const again = await read(NUMBERS, { filter, after }, { "last-event-id": "" });
    await until(() => eventsOf(resumed).length === 1 && eventsOf(again).length === 3);
    expect(eventsOf(resumed).map(numberIn)).toEqual(numbers.slice(2));
    expect(eventsOf(again).map(numberIn)).toEqual(numbers);
    for (const each of [whole, resumed, again]) each.close();
  });

  test.each(["junk", "42", "a, b", "\u00e9"])("that is no cursor of ours (%j) is BAD_CURSOR, and the stream is complete", async (id) => {
    const reading = await read(NUMBERS, {}, { "last-event-id": id });
    await until(() => reading.text().includes("event: complete"));
    expect(reading.text()).toContain("BAD_CURSOR");
    expect(eventsOf(reading)).toHaveLength(1);
  });

  test("works for goal values, and is passed over where there are no cursors", async () => {
    const goal = (
      await data(app, app.adminToken, 'mutation { createGoal(input: { name: "G", direction: MAXIMIZE }) { ... on Goal { id } } }')
    ).createGoal.id;
    const record = (date: string) =>
      data(app, app.adminToken, `mutation { recordGoalValue(input: { goalId: "${goal}", date: "${date}", value: "1" }) { __typename } }`);
    const VALUES = "subscription { goalValueRecorded { goalValue { date } } }";
    const first = await read(VALUES);
    await until(() => first.blocks.length > 0);
    await record("2026-11-01");
    await until(() => eventsOf(first).length === 1);
    const id = field(eventsOf(first)[0], "id") as string;
    first.close();
    await record("2026-11-02");
    const second = await read(VALUES, {}, { "last-event-id": id });
    await until(() => eventsOf(second).length === 1);
    expect(eventsOf(second)[0]).toContain("2026-11-02");
    second.close();
    const { filter } = await stream();
    const definition = await read(
      `subscription { webhookDefinitionUpdated(id: "${filter.webhookDefinitionId}") { name } }`,
      {},
      { "last-event-id": "junk" },
    );
    await until(() => definition.blocks.length > 0);
    expect(definition.text()).not.toContain("BAD_CURSOR");
    expect(field(definition.blocks[0], "id")).toBeUndefined();
    definition.close();
  });

  test("a query is one event without an id", async () => {
    const reading = await read("{ viewer { role } }");
    await until(() => reading.text().includes("event: complete"));
    expect(eventsOf(reading)).toEqual(['event: next\ndata: {"data":{"viewer":{"role":"ADMIN"}}}']);
  });
});

describe("B74 a browser's own EventSource", () => {
  test("with the cookie comes back after each cut, and has every update once", { timeout: 60_000 }, async () => {
    const { filter, emit } = await stream();
    const { userId } = app.t.admin;
    const session = await createSession(app.t.core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 });
    const proxy = await startProxy(app.url);
    const url = new URL("/graphql", proxy.url);
    url.searchParams.set("query", NUMBERS);
    url.searchParams.set("variables", JSON.stringify({ filter, after: await now() }));
    const { Agent } = await import("undici");
    // What a browser adds by itself to a request of its own origin.
    const browser = new Agent().compose((dispatch) => (options, handler) => {
      const own = { cookie: `hookline_session=${session.token}`, "sec-fetch-site": "same-origin" };
      return dispatch({ ...options, headers: { ...(options.headers as unknown as Record<string, string>), ...own } }, handler);
    });
    const source = new EventSource(url.href, { node: { dispatcher: browser as never } } as never);
    const seen: number[] = [];
    source.addEventListener("next", ((event: MessageEvent) =>
      seen.push(JSON.parse(event.data).data.webhookRequestUpdated.request.number)) as never);
    const sent: number[] = [];
    try {
      for (let cut = 0; cut < 3; cut++) {
        for (let i = 0; i < 5; i++) sent.push(await emit());
        await until(() => seen.length >= sent.length - 2);
        proxy.down();
        for (let i = 0; i < 3; i++) sent.push(await emit());
        proxy.up();
        await until(() => seen.length >= sent.length);
      }
      sent.push(await emit());
      await until(() => seen.length >= sent.length);
      expect(seen).toEqual(sent);
    } finally {
      source.close();
      await proxy.close();
      await browser.close();
    }
  });
});

test("B80 a quiet stream says where it stands now and then, so that its cursor does not grow old", { timeout: 40_000 }, async () => {
  const quiet = await stream();
  const other = await stream();
  const reading = await read(NUMBERS, { filter: quiet.filter });
  await until(() => reading.blocks.length > 0);
  await other.emit();
  await other.emit();
  const at = await now();
  await until(() => field(reading.blocks.at(-1), "id") === at, LIVE.pingMs + 10_000);
  expect(eventsOf(reading)).toEqual([]);
  reading.close();
});
