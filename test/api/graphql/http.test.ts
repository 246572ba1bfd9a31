/** Where clients stumble: what they are told names the mend, as JSON, and nothing was done meanwhile. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answerType, takes } from "../../../src/api/graphql/accept.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { graphql, post } from "../../helpers/graphql.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const LIVE = "subscription { webhookRequestUpdated { cursor } }";
const ask = (body: unknown, headers: Record<string, string> = {}) => post(app, body, { token: app.adminToken, headers });

async function expectTold(answer: Awaited<ReturnType<typeof ask>>, status: number, code: string, ...words: RegExp[]): Promise<void> {
  expect([answer.status, answer.body?.errors?.[0]?.extensions?.code]).toEqual([status, code]);
  expect(answer.headers.get("content-type")).toMatch(/^application\/(graphql-response\+)?json/);
  expect(answer.body).not.toHaveProperty("data");
  for (const word of words) expect(answer.body.errors[0].message).toMatch(word);
}

describe("B75 a subscription without a stream in Accept", () => {
  test.each(["application/json", "application/graphql-response+json", "multipart/mixed;subscriptionSpec=1.0,application/json"])(
    "(%s) is 406, names the mend, and nothing is subscribed to",
    async (accept) => {
      const before = app.doors.feed.subscribers;
      const answer = await ask({ query: LIVE }, { accept });
      await expectTold(answer, 406, "NOT_ACCEPTABLE", /text\/event-stream/, /WebSocket/);
      expect(answer.headers.get("accept")).toBe("text/event-stream");
      expect(app.doors.feed.subscribers).toBe(before);
    },
  );
  test("by GET, too", async () => {
    const response = await fetch(`${app.url}/graphql?query=${encodeURIComponent(LIVE)}`, {
      headers: { accept: "application/json", authorization: `Bearer ${app.adminToken}` },
    });
    expect([response.status, await response.text()]).toEqual([406, expect.stringContaining("text/event-stream")]);
  });
});

describe("B75 an Accept that nothing of ours is", () => {
  test.each(["text/plain", "application/xml", "image/*", "application/json;charset=iso-8859-1"])(
    "(%s) is 406 before anything runs",
    async (accept) => {
      const query = 'mutation { createGoal(input: { name: "Never", direction: MAXIMIZE }) { __typename } }';
      await expectTold(await ask({ query }, { accept }), 406, "NOT_ACCEPTABLE", /application\/json/, /Accept/);
      expect((await graphql(app, "{ goals { totalCount } }", { token: app.adminToken })).body.data.goals.totalCount).toBe(0);
    },
  );
  test("is read as browsers and clients write it", () => {
    expect(takes(undefined, "text/event-stream")).toBe(true);
    expect(takes("", "text/event-stream")).toBe(true);
    expect(takes("text/*;q=0.3, application/json", "text/event-stream")).toBe(true);
    expect(takes("application/json", "text/event-stream")).toBe(false);
    for (const anything of [
      undefined,
      "",
      "*/*",
      "text/html, */*;q=0.1",
      "Application/JSON; charset=UTF-8",
      "application/*",
      "text/event-stream, application/json",
    ])
      expect([anything, answerType(anything)]).toEqual([anything, "application/json"]);
    expect(answerType("application/graphql-response+json, application/json")).toBe("application/graphql-response+json");
    expect(answerType("application/json, application/graphql-response+json")).toBe("application/json");
    expect(answerType("text/event-stream")).toBe("text/event-stream");
    expect(answerType("text/html, multipart/mixed")).toBeUndefined();
  });
});

describe("B75 persisted queries", () => {
  const persistedQuery = { version: 1, sha256Hash: "ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38" };
  test("are answered as the clients expect it: they send the query itself from then on", async () => {
    const answer = await ask({ operationName: "A", variables: {}, extensions: { persistedQuery } });
    expect([answer.status, answer.body]).toEqual([
      200,
      { errors: [{ message: "PersistedQueryNotSupported", extensions: { code: "PERSISTED_QUERY_NOT_SUPPORTED" } }] },
    ]);
    const url = `${app.url}/graphql?extensions=${encodeURIComponent(JSON.stringify({ persistedQuery }))}`;
    const get = await fetch(url, { headers: { accept: "application/json", authorization: `Bearer ${app.adminToken}` } });
    expect([get.status, await get.json()]).toEqual([200, answer.body]);
  });
  test("with the query beside the hash are run", async () => {
    const answer = await ask({ query: "{ viewer { role } }", extensions: { persistedQuery } });
    expect([answer.status, answer.body]).toEqual([200, { data: { viewer: { role: "ADMIN" } } }]);
  });
  test("of nobody are 401 first", async () => {
    expect((await post(app, { extensions: { persistedQuery } })).status).toBe(401);
  });
});

describe("B75 bodies", () => {
  test("a batch is 400 and says so", async () => {
    await expectTold(await ask([{ query: "{ viewer { role } }" }]), 400, "BAD_REQUEST", /batches/, /request of its own/);
  });
  test.each(["", "  \n"])("an empty one (%j) says what to send", async (body) => {
    await expectTold(await ask(body), 400, "BAD_REQUEST", /empty/, /"query"/);
  });
  test.each([{}, { query: null }, { query: "" }, { query: 7 }, { variables: {} }])("without a query (%j) names it", async (body) => {
    await expectTold(await ask(body), 400, expect.any(String) as never, /query/i);
  });
  test.each(["text/plain", "application/graphql", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
    "as %s are 415 and name the type",
    async (type) => {
      await expectTold(await ask("{ viewer { role } }", { "content-type": type }), 415, "UNSUPPORTED_MEDIA_TYPE", /application\/json/);
    },
  );
});

describe("B75 methods and paths", () => {
  test("a mutation by GET is 405 with Allow: POST", async () => {
    const response = await fetch(`${app.url}/graphql?query=${encodeURIComponent("mutation { signOut { __typename } }")}`, {
      headers: { accept: "application/json", authorization: `Bearer ${app.adminToken}` },
    });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    expect(await response.json()).toMatchObject({ errors: [{ message: expect.stringContaining("POST") }] });
  });

  test.each([
    ["PUT", "/graphql", 405, "GET, POST"],
    ["DELETE", "/graphql", 405, "GET, POST"],
    ["PATCH", "/graphql?query={viewer{role}}", 405, "GET, POST"],
    ["GET", "/v1/events", 405, "POST"],
    ["POST", "/graphql/", 404, null],
    ["GET", "/graphql/", 404, null],
    ["POST", "/v1/events/", 404, null],
    ["POST", "/v1/events//", 404, null],
    ["POST", "/v1", 404, null],
    ["GET", "/openapi.json/", 404, null],
    ["POST", "/auth/local/", 404, null],
    ["POST", "/api/v2/connections/", 404, null],
    ["POST", "/crmapi/rest/v2/webhook_requests/resend/", 404, null],
  ])("%s %s is %i with JSON", async (method, path, status, allow) => {
    const response = await fetch(app.url + path, {
      method,
      headers: { authorization: `Bearer ${app.adminToken}`, accept: "application/json" },
    });
    const text = await response.text();
    expect([response.status, response.headers.get("allow")]).toEqual([status, allow]);
    expect(response.headers.get("content-type")).toMatch(/json/);
    expect(() => JSON.parse(text)).not.toThrow();
    // CRM.COM's face says it in that product's words.
    if (path.endsWith("/") && !path.startsWith("/crmapi")) expect(text).toContain("leave out the slash");
  });

  test("an empty event is told what is missing", async () => {
    const headers = { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" };
    const response = await fetch(`${app.url}/v1/events`, { method: "POST", headers, body: "" });
    expect([response.status, await response.json()]).toEqual([
      400,
      expect.objectContaining({ detail: expect.stringContaining("the body is empty") }),
    ]);
  });

  test("a WebSocket at another path is refused in the form of its door", async () => {
    const { WebSocket } = await import("ws");
    const refused = await new Promise<{ status: number; text: string }>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${app.port}/v1/events`, "graphql-transport-ws");
      socket.on("error", () => undefined);
      socket.once("unexpected-response", (_request, response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
    });
    expect([refused.status, JSON.parse(refused.text)]).toEqual([
      404,
      { type: "about:blank", title: "Not Found", status: 404, detail: expect.stringContaining("/graphql"), code: "NOT_FOUND" },
    ]);
  });
});
