/**
 * The log against a naive model: random rows, random filters, random pages. The same filter as SQL (`listRequests`), as a
 * function (`matcher`, for live subscriptions) and as the model below must agree.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { matcher, type RequestFilter } from "../../src/requests/filter.ts";
import { HIGHEST, LOWEST } from "../../src/requests/id-range.ts";
import { countRequests, listRequests, listRequestsByOffset } from "../../src/requests/list.ts";
import { pageCursor, pageOf, uuidKey } from "../../src/requests/page.ts";
import { LIFE_CYCLE_STATES, REQUEST_STATES, type RequestRow, STATES_OF } from "../../src/requests/row.ts";
import { showRequest } from "../../src/requests/show.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest } from "../helpers/log.ts";

const ROWS = 120;
const TYPES = ["order.created", "order.paid", "naïve ☃"];
const ENTITIES = ["order", "contact", null];
const URLS = ["https://a.example/", "https://b.example/?q=1", `https://long.example/${"x".repeat(3000)}`, null];
const ERRORS = ["HTTP_STATUS", "TIMEOUT", null];
/** Recent enough for a partition, old enough that hours of rows lie before now. */
const START = Date.now() - 3 * 86_400_000;
const MINUTE = 60_000;

let t: TestCore;
let definitions: { id: string; laneId: string }[];
let rules: string[];
/** Newest first. */
let model: RequestRow[];

beforeAll(async () => {
  t = await testCore();
  await addPast(t.core, 4);
  const { organizationId } = t;
  definitions = [await addDefinition(t.core, organizationId), await addDefinition(t.core, organizationId)];
  rules = await Promise.all(
    ["a", "b"].map(
      async (code) => (await t.core.db.unscoped.workflowRule.create({ data: { organizationId, name: code, code, entity: "order" } })).id,
    ),
  );
  const pick = <T>(values: readonly T[], i: number, step: number) => values[Math.floor(i / step) % values.length] as T;
  for (let i = 0; i < ROWS; i++) {
    await addRequest(t.core, organizationId, pick(definitions, i, 1), {
      eventType: pick(TYPES, i, 2),
      entity: pick(ENTITIES, i, 3),
      entityId: pick(["1", "2", null], i, 5),
      url: pick(URLS, i, 1),
      state: pick(REQUEST_STATES, i, 1),
      errorCode: pick(ERRORS, i, 2),
      workflowRuleId: pick([...rules, null], i, 4),
      createdAt: new Date(START + i * MINUTE),
    });
  }
  // Another organization's rows must never show.
  const foreign = await t.organization();
  const theirs = await addDefinition(t.core, foreign.id);
  for (let i = 0; i < 10; i++) await addRequest(t.core, foreign.id, theirs);
  model = await listRequestsByOffset(t.core.db, organizationId, {}, { limit: 1000, offset: 0 });
  expect(model.map((r) => r.number)).toEqual(Array.from({ length: ROWS }, (_, i) => ROWS - i));
});
afterAll(() => t.close());

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const of = <T>(...values: T[]) => maybe(fc.constantFrom(...values));
const filters: fc.Arbitrary<RequestFilter> = fc
  .record({
    definition: of(0, 1),
    eventType: of(...TYPES, "order.*", "*", "naïve.*", "nobody", "nul\0"),
    entity: of("order", "contact", "x"),
    entityId: of("1", "2"),
    url: of(URLS[0] as string, URLS[2] as string, "https://a.example"),
    state: maybe(fc.subarray([...REQUEST_STATES])),
    lifeCycleState: maybe(fc.subarray([...LIFE_CYCLE_STATES], { minLength: 1 })),
    errorCode: of("HTTP_STATUS", "TIMEOUT", "DNS_ERROR"),
    number: of(1, 60, ROWS, ROWS + 1, 0, -1, 1.5, 2 ** 40),
    createdAfter: maybe(fc.integer({ min: -5, max: ROWS + 5 }).map((m) => new Date(START + m * MINUTE))),
    createdBefore: maybe(fc.integer({ min: -5, max: ROWS + 5 }).map((m) => new Date(START + m * MINUTE))),
    rule: of(0, 1),
  })
  .map(({ definition, rule, ...rest }) => {
    const all = {
      ...rest,
      webhookDefinitionId: definition === undefined ? undefined : definitions[definition]?.id,
      workflowRuleId: rule === undefined ? undefined : rules[rule],
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as RequestFilter;
  });

/** Written the obvious way, apart from src/requests/filter.ts. */
function wants(f: RequestFilter, r: RequestRow): boolean {
  const lifeCycle = LIFE_CYCLE_STATES.find((l) => STATES_OF[l].includes(r.state));
  if (f.webhookDefinitionId !== undefined && f.webhookDefinitionId !== r.definitionId) return false;
  if (
    f.eventType !== undefined &&
    f.eventType !== "*" &&
    !(f.eventType === "order.*" ? /^order\../.test(r.eventType) : f.eventType === r.eventType)
  )
    return false;
  if (f.entity !== undefined && f.entity !== r.entity) return false;
  if (f.entityId !== undefined && f.entityId !== r.entityId) return false;
  if (f.url !== undefined && f.url.replace(/example$/, "example/") !== r.url) return false;
  if (f.state !== undefined && !f.state.includes(r.state)) return false;
  if (f.lifeCycleState !== undefined && !(lifeCycle && f.lifeCycleState.includes(lifeCycle))) return false;
  if (f.errorCode !== undefined && f.errorCode !== r.errorCode) return false;
  if (f.number !== undefined && f.number !== r.number) return false;
  if (f.createdAfter !== undefined && r.createdAt < f.createdAfter) return false;
  if (f.createdBefore !== undefined && r.createdAt >= f.createdBefore) return false;
  if (f.workflowRuleId !== undefined && f.workflowRuleId !== r.workflowRuleId) return false;
  return true;
}

const KIND = "requests:test";
/** Numbers grow with ids here: an id stands between the rows of two numbers, also of one that nobody has. */
const idOf = (number: number) => model.find((r) => r.number === number)?.id ?? (number < 1 ? LOWEST : HIGHEST);
const numbers = (rows: readonly RequestRow[]) => rows.map((r) => r.number);

test("one page, its neighbours and the count are those of the model, from the front and from the back", async () => {
  const size = fc.integer({ min: 0, max: 30 });
  const place = maybe(fc.integer({ min: 0, max: ROWS + 2 }));
  await fc.assert(
    fc.asyncProperty(filters, size, fc.boolean(), place, place, async (filter, limit, fromBack, after, before) => {
      const cursor = (key: number | undefined) => (key === undefined ? undefined : pageCursor(KIND, idOf(key)));
      const args = { ...(fromBack ? { last: limit } : { first: limit }), after: cursor(after), before: cursor(before) };
      const page = await listRequests(t.core.db, t.organizationId, filter, pageOf(args, KIND, uuidKey));
      const all = model.filter((r) => wants(filter, r));
      const between = all.filter((r) => (after === undefined || r.number < after) && (before === undefined || r.number > before));
      const expected = limit === 0 ? [] : fromBack ? between.slice(-limit) : between.slice(0, limit);
      expect(numbers(page.rows)).toEqual(numbers(expected));
      expect(fromBack ? page.hasPreviousPage : page.hasNextPage).toBe(between.length > limit);
      expect(await countRequests(t.core.db, t.organizationId, filter)).toEqual({ count: all.length, capped: false });
      expect(numbers(model.filter(matcher(filter)))).toEqual(numbers(all));
    }),
    { numRuns: 300 },
  );
});

test("walking all pages, either way, shows every row once, also when rows come in between", async () => {
  await fc.assert(
    fc.asyncProperty(filters, fc.integer({ min: 1, max: 25 }), fc.boolean(), async (filter, limit, fromBack) => {
      const seen: number[] = [];
      for (let cursor: string | undefined; ; ) {
        const args = fromBack ? { last: limit, before: cursor } : { first: limit, after: cursor };
        const { rows, hasNextPage, hasPreviousPage } = await listRequests(t.core.db, t.organizationId, filter, pageOf(args, KIND, uuidKey));
        if (fromBack) seen.unshift(...numbers(rows));
        else seen.push(...numbers(rows));
        if (!(fromBack ? hasPreviousPage : hasNextPage)) break;
        cursor = pageCursor(KIND, (fromBack ? rows[0] : rows.at(-1))?.id as string);
      }
      expect(seen).toEqual(numbers(model.filter((r) => wants(filter, r))));
    }),
    { numRuns: 60 },
  );
});

test("a page asked for with nonsense is refused", () => {
  const page = (args: object) => () => pageOf(args, KIND, uuidKey);
  expect(page({ first: 101 })).toThrow("first must be 0 to 100");
  expect(page({ last: 101 })).toThrow("last must be 0 to 100");
  expect(page({ first: -1 })).toThrow("first must be 0 to 100");
  expect(page({ first: 1, last: 1 })).toThrow("not both");
  for (const after of [
    "",
    "x",
    pageCursor("events:test", 3),
    pageCursor(KIND, "x"),
    pageCursor(KIND, 7),
    `${pageCursor(KIND, 3)}=`,
    "\0",
  ]) {
    expect(page({ after })).toThrow("after is no cursor of this list");
  }
});

test("a request is found by id and by number, and only in its organization", async () => {
  const [row] = model as [RequestRow];
  const foreign = await t.organization();
  for (const identifier of [{ id: row.id }, { number: row.number }]) {
    expect((await showRequest(t.core.db, t.organizationId, identifier))?.id).toBe(row.id);
    expect(await showRequest(t.core.db, foreign.id, identifier)).toBeUndefined();
  }
  for (const number of [0, -1, ROWS + 1, 2 ** 31, 1.5]) expect(await showRequest(t.core.db, t.organizationId, { number })).toBeUndefined();
});
