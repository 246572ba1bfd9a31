/** B56: what an answer costs, and how large it may be, over each way that answers leave by. */
import { type DocumentNode, getOperationAST, Kind } from "graphql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { bytesIn } from "../../src/api/graphql/bounded.ts";
import { costLimits } from "../../src/api/graphql/limits.ts";
import { schema } from "../../src/api/graphql/schema.ts";
import { newId } from "../../src/clock.ts";
import { answerTooLarge, Budget, MOST_ANSWERED, readBodies, withBudget } from "../../src/requests/budget.ts";
import { JsonSource } from "../../src/wire/json-source.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { graphql } from "../helpers/graphql.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const many = (count: number, one: (i: number) => string) => Array.from({ length: count }, (_, i) => one(i)).join(" ");

async function answer(query: string, variables: Record<string, unknown> = {}) {
  return graphql(app, query, { token: app.adminToken, variables });
}
const isRefused = async (query: string) => {
  const { status, body } = await answer(query);
  expect([status, body.errors[0].extensions.code]).toEqual([400, "LIMIT_EXCEEDED"]);
};
const isAnswered = async (query: string) => {
  const { status, body } = await answer(query);
  expect([status, body.errors]).toEqual([200, undefined]);
};

describe("B56 cost", () => {
  test("counts cost 500 each, on pages of none too, and each alias is a count", async () => {
    await isRefused(`{ ${many(21, (i) => `a${i}: events(first: 0) { totalCount }`)} }`);
    await isRefused(`{ ${many(21, (i) => `a${i}: lanes(first: 0) { totalCountCapped }`)} }`);
    await isRefused(`{ events(first: 0) { ${many(21, (i) => `a${i}: totalCount`)} } }`);
    await isRefused(`{ ${many(21, (i) => `a${i}: organization { usage { definitions } }`)} }`);
    await isAnswered(`{ ${many(20, (i) => `a${i}: events(first: 0) { totalCount }`)} }`);
    await isAnswered(`{ ${many(50, (i) => `a${i}: events(first: 0) { edges { cursor } }`)} }`);
  });

  test("a field that may be a body costs 20, each alias of it", async () => {
    const events = (aliases: number, fields: string) =>
      `{ ${many(aliases, (i) => `a${i}: events(first: 60) { edges { node { ${fields} } } }`)} }`;
    await isAnswered(events(4, "payload previous"));
    await isRefused(events(5, "payload previous"));
    await isRefused(
      events(
        1,
        many(9, (i) => `b${i}: payload`),
      ),
    );
    const requests = (first: number, fields: string) => `{ webhookRequests(first: ${first}) { edges { node { ${fields} } } } }`;
    await isAnswered(requests(100, "request response event { payload previous }"));
    await isRefused(requests(100, "request response event { payload previous changes }"));
    const bodies = "attempts(first: 5) { edges { node { requestBody responseBody requestHeaders responseHeaders } } }";
    await isAnswered(requests(20, bodies));
    await isRefused(requests(40, bodies));
  });

  test("a list without pages counts as ten, and what stands below it is multiplied", async () => {
    const rules = (first: number) => `{ workflowRules(first: ${first}) { edges { node { webhookDefinitions { transformation } } } } }`;
    await isAnswered(rules(40));
    await isRefused(rules(100));
    await isAnswered("{ webhookRequests(first: 100) { totalCount totalCountCapped edges { node { event { payload } } } } }");
  });

  test("what the dashboard asks for is far below the limit", async () => {
    const files = ["goals", "inbound", "log", "overview", "request", "webhooks"];
    const modules = await Promise.all(files.map((file) => import(`../../src/web/${file}/documents.ts`)));
    const documents = modules
      .flatMap((module) => Object.entries(module as Record<string, DocumentNode>))
      .filter(([, one]) => one?.kind === Kind.DOCUMENT);
    expect(documents.length).toBeGreaterThan(20);
    for (const [name, document] of documents) {
      const operation = getOperationAST(document);
      // A fragment by itself.
      if (!operation) continue;
      const { problem } = costLimits(schema, document, operation, {});
      expect([name, problem?.extensions["code"] === "LIMIT_EXCEEDED"]).toEqual([name, false]);
    }
  });
});

describe("B56 an answer of more than 32 MiB", () => {
  const EVENTS = 60;
  beforeAll(async () => {
    const text = JSON.stringify({ text: "x".repeat(1_000_000) });
    for (let i = 0; i < EVENTS; i += 10)
      await app.doors.ingest.emit(
        app.t.organizationId,
        Array.from({ length: 10 }, () => ({ id: newId(), type: "large", payload: text, previous: i === 0 ? text : null })),
      );
  }, 120_000);

  const LARGE = "{ events(first: 60) { edges { node { id payload } } } }";

  test("over HTTP it is one typed error, and so is one of many aliases of the same text", { timeout: 60_000 }, async () => {
    for (const query of [LARGE, `{ events(first: 20) { edges { node { ${many(2, (i) => `a${i}: payload`)} } } } }`]) {
      const { status, body } = await answer(query);
      expect(body).toEqual({ errors: [{ message: answerTooLarge().message, extensions: { code: "TOO_LARGE" } }] });
      expect(status).toBe(413);
    }
    const { body } = await answer("{ events(first: 30) { edges { node { payload } } } }");
    expect(body.data.events.edges).toHaveLength(30);
  });

  test("over SSE and over a WebSocket too", { timeout: 60_000 }, async () => {
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ query: LARGE }),
    });
    expect(await response.text()).toContain('"code":"TOO_LARGE"');
    const socket = new WebSocket(`${app.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
    const said = new Promise<string>((resolve) => {
      socket.on("open", () =>
        socket.send(JSON.stringify({ type: "connection_init", payload: { authorization: `Bearer ${app.adminToken}` } })),
      );
      socket.on("message", (message) => {
        const { type } = JSON.parse(String(message));
        if (type === "connection_ack") socket.send(JSON.stringify({ type: "subscribe", id: "1", payload: { query: LARGE } }));
        else if (type === "next" || type === "error") resolve(String(message));
      });
    });
    expect(await said).toContain('"code":"TOO_LARGE"');
    socket.terminate();
  });

  test("it is given up while it grows: what is too much is never read", async () => {
    const read: number[] = [];
    const load = (i: number) => () => {
      read.push(i);
      return Promise.resolve([{ bytes: MOST_ANSWERED }]);
    };
    const budget = new Budget();
    const readings = withBudget(budget, () => Array.from({ length: 10 }, (_, i) => readBodies(load(i), ({ bytes }) => bytes)));
    const outcomes = await Promise.allSettled(readings);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", ...Array.from({ length: 8 }, () => "rejected")]);
    expect(read).toEqual([0, 1, 2]);
    expect(budget.exceeded).toBe(true);
  });
});

test("B56 a text is charged as it will be written", () => {
  expect(bytesIn("abc")).toBe(3);
  expect(bytesIn("\u0001".repeat(2_000))).toBe(12_002);
  expect(bytesIn("€".repeat(2_000))).toBe(6_002);
  expect(bytesIn(new JsonSource('{"a":1}'))).toBe(7);
  expect(bytesIn({ body: "x".repeat(10), list: [1, "ab"] })).toBeGreaterThan(20);
});
