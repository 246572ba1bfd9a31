import { afterAll, beforeAll, expect, test } from "vitest";
import { showAttempts } from "../../src/requests/attempt.ts";
import { attemptsOfDefinition } from "../../src/requests/definition-attempts.ts";
import { listEvents } from "../../src/requests/event-list.ts";
import { requestsOfEvent } from "../../src/requests/event-requests.ts";
import { listRequests } from "../../src/requests/list.ts";
import { numberKey, pageCursor, pageOf, uuidKey } from "../../src/requests/page.ts";
import { showRequest } from "../../src/requests/show.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addRequest, type LoggedRequest, settle } from "../helpers/log.ts";
import { watchTenantStatements } from "../helpers/tenant-statements.ts";

let t: TestCore;
let definition: { id: string; laneId: string };
let request: LoggedRequest;
const BIG = `{"text":"${"å".repeat(100_000)}"}`;

beforeAll(async () => {
  t = await testCore();
  definition = await addDefinition(t.core, t.organizationId);
  request = await addRequest(t.core, t.organizationId, definition, { payload: '{"b":1, "a": 1.0}', previous: "{}" });
  const attempt = (i: number) => ({
    outcome: i === 4 ? ("DELIVERED" as const) : ("REJECTED" as const),
    statusCode: i === 4 ? 200 : 503,
    requestBody: i === 1 ? "the first body" : i === 3 ? "another body" : null,
    responseBody: `answer ${i}`,
  });
  for (let i = 1; i <= 4; i++) {
    await settle(t.core, t.organizationId, [{ request, state: i === 4 ? "DELIVERED" : "WAITING", attempt: attempt(i) }]);
  }
  await addRequest(t.core, t.organizationId, definition, { payload: BIG });
});
afterAll(() => t.close());

const shown = async () =>
  (await showRequest(t.core.db, t.organizationId, { id: request.id })) as NonNullable<Awaited<ReturnType<typeof showRequest>>>;
const attemptsOf = async (args: object) => (await shown()).attempts(pageOf(args, "attempts:test", numberKey));

test("attempts come oldest first, in pages from either end", async () => {
  const cases: [object, number[], boolean, boolean][] = [
    [{}, [1, 2, 3, 4], false, false],
    [{ first: 2 }, [1, 2], false, true],
    [{ last: 1 }, [4], true, false],
    [{ first: 2, after: pageCursor("attempts:test", 2) }, [3, 4], true, false],
    [{ last: 2, before: pageCursor("attempts:test", 4) }, [2, 3], true, true],
    [{ first: 0 }, [], false, true],
    [{ first: 3, after: pageCursor("attempts:test", 9) }, [], true, false],
  ];
  for (const [args, numbers, hasPreviousPage, hasNextPage] of cases) {
    const page = await attemptsOf(args);
    expect({ args, numbers: page.rows.map((a) => a.number), hasPreviousPage: page.hasPreviousPage, hasNextPage: page.hasNextPage }).toEqual(
      {
        ...{ args, numbers, hasPreviousPage, hasNextPage },
      },
    );
  }
});

test("an attempt whose body is not stored sent what the last one before it that is stored sent", async () => {
  const { rows } = await attemptsOf({});
  expect(await Promise.all(rows.map(async (a) => (await a.content()).requestBody))).toEqual([
    "the first body",
    "the first body",
    "another body",
    "another body",
  ]);
  expect((await rows[3]?.content())?.responseBody).toBe("answer 4");
  const [one] = await showAttempts(t.core.db, t.organizationId, [rows[1]?.id as string]);
  expect((await one?.content())?.requestBody).toBe("the first body");
  expect(await showAttempts(t.core.db, (await t.organization()).id, [rows[1]?.id as string])).toEqual([]);
});

test("the latest attempt is what the request shows as sent and answered", async () => {
  const latest = await (await shown()).latest();
  expect(latest?.attempt.number).toBe(4);
  expect(latest?.content).toMatchObject({ requestBody: "another body", responseBody: "answer 4", responseHeaders: { "x-test": "yes" } });
});

test("a page asks for what belongs to it in one statement, not one per row", async () => {
  const { core } = t;
  for (let i = 0; i < 30; i++) await addRequest(core, t.organizationId, definition);
  const { rows } = await listRequests(core.db, t.organizationId, {}, pageOf({ first: 30 }, "requests:test", uuidKey));
  const statements = watchTenantStatements(core.db);
  const events = await Promise.all(rows.map((r) => r.event()));
  await Promise.all(rows.map((r) => r.attempts(pageOf({ last: 1 }, "attempts:test", numberKey))));
  // The attempts of requests without one are not asked for at all.
  expect(statements.sent).toHaveLength(1);
  statements.stop();
  expect(events.map((e) => e?.id)).toEqual(rows.map((r) => r.eventId));
  const definitions = await Promise.all(rows.map((r) => r.definition()));
  expect(new Set(definitions.map((d) => d?.id))).toEqual(new Set([definition.id]));
  expect(await rows[0]?.workflowRule()).toBeUndefined();
});

test("events show their texts as sent and their requests", async () => {
  const { rows, hasNextPage } = await listEvents(t.core.db, t.organizationId, pageOf({ last: 2 }, "events:test", uuidKey));
  expect(hasNextPage).toBe(false);
  expect((await rows[1]?.texts())?.payload).toBe('{"b":1, "a": 1.0}');
  expect((await rows[1]?.texts())?.previous).toBe("{}");
  expect((await rows[0]?.texts())?.payload).toBe(BIG);
  const requests = await requestsOfEvent(
    t.core.db,
    rows[1] as NonNullable<(typeof rows)[1]>,
    pageOf({ first: 10 }, "requests:test", uuidKey),
  );
  expect(requests.rows.map((r) => r.id)).toEqual([request.id]);
});

test("a definition's attempts, newest first", async () => {
  const found = await attemptsOfDefinition(t.core.db, t.organizationId, definition.id, { limit: 2, skip: 1 }, 9);
  expect(found.map((a) => [a.tryNumber, a.responseBody, a.requestBody])).toEqual([
    [3, "answer 3", "another body"],
    [2, "answer 2", "the first body"],
  ]);
});

test("pages of a definition's attempts hold each once, also one that was sent again long after later ones", async () => {
  const many = await addDefinition(t.core, t.organizationId);
  const old = await addRequest(t.core, t.organizationId, many);
  const late = await addRequest(t.core, t.organizationId, many);
  const rejected = { outcome: "REJECTED" as const, statusCode: 503 };
  for (const each of [old, late]) await settle(t.core, t.organizationId, [{ request: each, state: "WAITING", attempt: rejected }]);
  const columns = (await t.asServer(
    `SELECT string_agg(quote_ident(column_name), ', ') AS names FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = 'attempt' AND column_name <> 'number'`,
  )) as { rows: { names: string }[] };
  const names = columns.rows[0]?.names;
  await t.asServer(
    `INSERT INTO attempt (number, ${names}) SELECT n, ${names} FROM attempt, generate_series(2, 1150) n WHERE request_id = '${late.id}'`,
  );
  await settle(t.core, t.organizationId, [{ request: old, state: "DELIVERED", attempt: { outcome: "DELIVERED", statusCode: 200 } }]);
  const pageOfMany = (skip: number) => attemptsOfDefinition(t.core.db, t.organizationId, many.id, { limit: 100, skip }, 9);
  const ids: string[] = [];
  for (let skip = 0; skip < 1_300; skip += 100) ids.push(...(await pageOfMany(skip)).map(({ id }) => id));
  expect(ids).toHaveLength(1_152);
  expect(new Set(ids).size).toBe(1_152);
  expect(await pageOfMany(2 ** 31 - 1)).toEqual([]);
});

test("a first attempt that a kill cut noted no body: the first that was noted stands for it", async () => {
  const cut = await addRequest(t.core, t.organizationId, await addDefinition(t.core, t.organizationId));
  const attempts = [
    { outcome: "INTERRUPTED" as const },
    { outcome: "REJECTED" as const, statusCode: 503, requestBody: "the first noted" },
    { outcome: "REJECTED" as const, statusCode: 503 },
    { outcome: "DELIVERED" as const, statusCode: 200, requestBody: "another" },
  ];
  for (const [i, attempt] of attempts.entries()) {
    await settle(t.core, t.organizationId, [{ request: cut, state: i === 3 ? "DELIVERED" : "WAITING", attempt }]);
  }
  const row = (await showRequest(t.core.db, t.organizationId, { id: cut.id })) as Awaited<ReturnType<typeof shown>>;
  const { rows } = await row.attempts(pageOf({}, "attempts:test", numberKey));
  const bodies = await Promise.all(rows.map(async (each) => (await each.content()).requestBody));
  expect(bodies).toEqual(["the first noted", "the first noted", "the first noted", "another"]);
  const [third] = await showAttempts(t.core.db, t.organizationId, [rows[2]?.id as string]);
  expect((await third?.content())?.requestBody).toBe("the first noted");
});
