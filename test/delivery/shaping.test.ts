import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, describe, expect, test } from "vitest";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { createSandbox } from "../../src/delivery/sandbox/sandbox.ts";
import { eventJson, shape, withSuffix } from "../../src/delivery/shaping.ts";
import type { EventView } from "../../src/wire/dialect.ts";

const sandbox = createSandbox({ threads: 1 });
const payloadQuery = createPayloadQuery();
afterAll(() => sandbox.close());

const event: EventView = {
  id: "0199d000-0000-7000-8000-000000000001",
  organizationId: "0199d000-0000-7000-8000-000000000002",
  type: "order.created",
  entity: "order",
  entityId: "18",
  payload: '{"total": 1.50, "big":12345678901234567890, "lines":[{"sku":"\\u00c5 1"},{"sku":"b"}], "nothing":null, "a":{"b":{"c":true}}}',
  previous: null,
  changes: ["total"],
  scope: { workflow: "w1" },
  actor: "5",
  occurredAt: new Date("2026-11-21T20:40:00.123Z"),
  acceptedAt: new Date("2026-11-21T20:41:00Z"),
};
const definition = { id: "d1", transformation: null, payloadQuery: null };
const engines = { sandbox, payloadQuery };

test("a definition without either leaves the body to its dialect", async () => {
  expect(await shape(event, definition, engines)).toEqual({ kind: "SEND", body: null, headers: {}, urlSuffix: "", console: [] });
});

describe("a transformation", () => {
  const shaped = (transformation: string) => shape(event, { ...definition, transformation }, engines);

  test("sees the event with these names, and the time it was accepted", async () => {
    const answer = await shaped("function transform(event) { return { body: { event, now: Date.now() } } }");
    expect(answer.kind === "SEND" && JSON.parse(String(answer.body))).toEqual({
      event: {
        ...{ id: "evt_0199d000000070008000000000000001", type: "order.created", entity: "order", entityId: "18" },
        payload: JSON.parse(event.payload),
        ...{ changes: ["total"], scope: { workflow: "w1" }, actor: "5", occurredAt: "2026-11-21T20:40:00.123Z" },
      },
      now: event.acceptedAt.getTime(),
    });
  });

  test("null skips, an error is a value, the console comes along", async () => {
    expect(await shaped("function transform() { console.log('no'); return null }")).toEqual({ kind: "SKIP", console: ["no"] });
    expect(await shaped("function transform() { console.log('hm'); boom() }")).toEqual({
      kind: "ERROR",
      code: "TRANSFORMATION_ERROR",
      message: "ReferenceError: 'boom' is not defined (line 1)",
      console: ["hm"],
    });
  });

  test("is used when there is a query too", async () => {
    const both = { ...definition, transformation: "function transform() { return { body: 1 } }", payloadQuery: "{ event { id } }" };
    expect(await shape(event, both, engines)).toMatchObject({ kind: "SEND", body: Buffer.from("1") });
  });

  test("the event is JSON with the payload's own text in it", () => {
    expect(eventJson(event)).toContain(`"payload":${event.payload},"changes"`);
    expect(JSON.parse(eventJson({ ...event, payload: "null", scope: null }))).toMatchObject({ payload: null, scope: null });
  });
});

describe("a payload query", () => {
  const shaped = (query: string) => shape(event, { ...definition, payloadQuery: query }, engines);
  const body = async (query: string) => {
    const answer = await shaped(query);
    return answer.kind === "SEND" ? String(answer.body) : answer;
  };

  test("its data is the body; values stand as they were written", async () => {
    expect(await body('{ event { total: payload(path: "total") big: payload(path: "big") type } }')).toBe(
      '{"event":{"total":1.50,"big":12345678901234567890,"type":"order.created"}}',
    );
    expect(await body('query Q { event { sku: payload(path: "lines.0.sku") deep: payload(path: "a.b") scope changes occurredAt } }')).toBe(
      '{"event":{"sku":"\\u00c5 1","deep":{"c":true},"scope":{"workflow":"w1"},"changes":["total"],"occurredAt":"2026-11-21T20:40:00.123Z"}}',
    );
    expect(await body("{ event { payload } }")).toBe(`{"event":{"payload":${event.payload}}}`);
  });

  test("what is missing is null", async () => {
    expect(await body('{ event { a: payload(path: "x.y") b: payload(path: "nothing") c: payload(path: "total.x") actor } }')).toBe(
      '{"event":{"a":null,"b":null,"c":null,"actor":"5"}}',
    );
  });

  test("aliases cannot multiply a payload past 1 MiB", async () => {
    const large = { ...event, payload: JSON.stringify({ text: "x".repeat(300_000) }) };
    const query = `{ event { ${["a", "b", "c", "d"].map((name) => `${name}: payload`).join(" ")} } }`;
    expect(payloadQuery.check(query)).toEqual([]);
    expect(await shape(large, { ...definition, payloadQuery: query }, engines)).toMatchObject({
      kind: "ERROR",
      code: "QUERY_BUDGET",
      message: "payloadQuery: the data is larger than 1 MiB",
    });
  });

  test("names of changes count as often as they are asked for", async () => {
    const wide = { ...event, changes: Array.from({ length: 1_000 }, () => "c".repeat(255)) };
    const query = `{ event { ${Array.from({ length: 5 }, (_, i) => `a${i}: changes`).join(" ")} } }`;
    expect(payloadQuery.check(query)).toEqual([]);
    expect(await shape(wide, { ...definition, payloadQuery: query }, engines)).toMatchObject({ kind: "ERROR", code: "QUERY_BUDGET" });
    expect(await shape(event, { ...definition, payloadQuery: query }, engines)).toMatchObject({ kind: "SEND" });
  });

  test("fragments multiply neither fields nor names beyond their bound, and a source has one", () => {
    const names = (count: number, letter: string) => Array.from({ length: count }, (_, i) => `${letter}${i}`);
    const spread = (events: number, fields: string) =>
      `{ ${names(events, "e")
        .map((name) => `${name}: event { ...F }`)
        .join(" ")} } fragment F on Event { ...G } fragment G on Event { ${fields} }`;
    const of = (query: string) => payloadQuery.check(query).map(({ message }) => message);
    const fields = (count: number) =>
      names(count, "f")
        .map((name) => `${name}: id`)
        .join(" ");
    expect(of(spread(20, fields(90)))).toEqual([]);
    expect(of(spread(100, fields(200)))).toEqual([expect.stringContaining("at most 2000 fields")]);
    expect(of(spread(100, `${"x".repeat(60_000)}: __typename`))).toEqual([expect.stringContaining("characters of names")]);
    expect(of(`{ event { ${"x".repeat(66_000)}: id } }`)).toEqual(["must be at most 65536 characters"]);
  });

  test.each([
    "",
    "{ event { nope } }",
    "{ event }",
    "mutation { event { id } }",
    "subscription { event { id } }",
    "{ event { id } } query B { event { id } }",
    "query ($p: String) { event { payload(path: $p) } }",
    "{ event { payload(path: 1) } }",
    "{ __schema { types { name } } }",
    "{ event { ...F } } fragment F on Event { ...F }",
    "fragment F on Event { id }",
    `{ event { ${"id ".repeat(3000)} } }`,
  ])("refused when saved: %.60s", (query) => {
    const issues = payloadQuery.check(query);
    expect(issues.length).toBeGreaterThan(0);
    expect(issues.every((issue) => issue.path === "payloadQuery" && issue.message !== "")).toBe(true);
  });

  test("fragments and directives are fine", async () => {
    const query = "{ event { ...F actor @skip(if: true) } } fragment F on Event { id: entityId __typename }";
    expect(payloadQuery.check(query)).toEqual([]);
    expect(await body(query)).toBe('{"event":{"id":"18","__typename":"Event"}}');
  });

  test("is kept compiled by what it takes: ten paths of 65 000 places are not 280 MiB", { timeout: 60_000 }, () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const used = () => {
      collect();
      return getHeapStatistics().used_heap_size / 2 ** 20;
    };
    const queries = createPayloadQuery();
    const before = used();
    const run = (at: number) => queries.run(`{ event { payload(path: "${at}${".".repeat(65_000)}") } }`, event);
    for (let at = 0; at < 10; at++) expect(run(at)).toBe('{"event":{"payload":null}}');
    expect(used() - before).toBeLessThan(100);
    expect(run(9)).toBe('{"event":{"payload":null}}');
  });
});

test.each([
  ["https://x.example/hooks?k=1", "/orders?n=2", "https://x.example/hooks/orders?k=1&n=2"],
  ["https://x.example", "/orders", "https://x.example/orders"],
  ["https://x.example/a/", "/b", "https://x.example/a/b"],
  ["https://x.example/a", "", "https://x.example/a"],
  ["https://x.example/a", "/@evil.example/:80", "https://x.example/a/@evil.example/:80"],
])("%s with %s", (target, suffix, expected) => expect(withSuffix(target, suffix)).toBe(expected));
