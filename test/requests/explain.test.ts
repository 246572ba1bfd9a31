/**
 * How the hot statements go about a log of 30 daily partitions, with the generic plans that sessions use: each reads the
 * partitions that its ids name, by an index, and about as many rows as it was asked for. No figure of time stands here.
 */

import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../src/clock.ts";
import type { PoolClient } from "../../src/db/client.ts";
import type { RowShape, Statement } from "../../src/db/statement.ts";
import { claimLanes, correctDue, lockLanes } from "../../src/delivery/sql/claim-lanes.ts";
import { dueLanes } from "../../src/delivery/sql/due-lanes.ts";
import { endLapsedLeases } from "../../src/delivery/sql/end-lapsed-leases.ts";
import { finalStatuses } from "../../src/delivery/sql/final-statuses.ts";
import { holdEveryLane, holdLanes } from "../../src/delivery/sql/hold-lanes.ts";
import { interruptRequests, logInterrupted } from "../../src/delivery/sql/interrupt.ts";
import { lanesStillOurs, renewLeases } from "../../src/delivery/sql/leases.ts";
import { letLanesGo, releaseLanes } from "../../src/delivery/sql/let-lanes-go.ts";
import { logAttempts, loggedAttempts } from "../../src/delivery/sql/log-attempts.ts";
import { mark, markUnchanged, unmark } from "../../src/delivery/sql/mark.ts";
import { lockNewestLanes } from "../../src/delivery/sql/newest-lane.ts";
import { readLanePages } from "../../src/delivery/sql/read-lanes.ts";
import { requestAsChange } from "../../src/delivery/sql/request-as-change.ts";
import { deleteLanes, lockIdleLanes, raiseLaneFloors } from "../../src/delivery/sql/retire-lanes.ts";
import { sendingRequests } from "../../src/delivery/sql/sending-requests.ts";
import { settleRequests } from "../../src/delivery/sql/settle-requests.ts";
import { takeLaneNumbers } from "../../src/delivery/sql/take-lane-numbers.ts";
import { makeDue, writeRequests } from "../../src/delivery/sql/write-requests.ts";
import { writeEvents } from "../../src/events/sql/write-events.ts";
import { readRequestsById } from "../../src/requests/sql/read-requests.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast } from "../helpers/log.ts";

/**
 * Requests a day, events and attempts a day. At 3 000 requests a day the planner rightly reads a small table as a whole.
 */
const [DAYS, PER_DAY, FEWER, LANES] = [30, 10_000, 2_500, 20_000];
/** Lanes and requests in one statement, as in a busy process. */
const BATCH = 40;

let t: TestCore;
let client: PoolClient;
let definitionId: string;
/** Queued: of lanes that are due, all from the two newest days. */
let queued: { id: string; lane: string; position: number; event: string }[];
let lanes: string[];

/** Ids of the i-th of a day, so that SQL and the test agree on them. */
const ID = (kind: string, day: string, i: string) =>
  `(lpad(to_hex(floor(extract(epoch FROM ${day}) * 1000)::bigint + ${i}), 12, '0') || '7${kind}' || '8000' || lpad(to_hex(${i}), 12, '0'))::uuid`;

beforeAll(async () => {
  t = await testCore();
  await addPast(t.core, DAYS);
  definitionId = (await addDefinition(t.core, t.organizationId)).id;
  const seed = new pg.Client({ connectionString: t.url });
  await seed.connect();
  const org = `'${t.organizationId}'::uuid`;
  const def = `'${definitionId}'::uuid`;
  const past = (count: number) =>
    `(SELECT d, now() - d * interval '1 day' - interval '1 hour' AS day FROM generate_series(0, ${DAYS - 1}) d) days, generate_series(1, ${count}) i`;
  await seed.query("SET synchronous_commit = off");
  await seed.query(
    `INSERT INTO lane (organization_id, id, definition_id, key, last_number, last_position, read_from)
     SELECT ${org}, lane_id(${def}, 0, 'k' || i), ${def}, 'k' || i, 100, 100, 0 FROM generate_series(0, ${LANES - 1}) i`,
  );
  await seed.query(
    `INSERT INTO event (id, organization_id, type, entity, entity_id, payload, occurred_at, created_at)
     SELECT ${ID("111", "day", "i")}, ${org}, 'order.created', 'order', i::text, '{}', day, day FROM ${past(FEWER)}`,
  );
  await seed.query(
    `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, dialect,
       event_type, entity, entity_id, url, attempt_count, created_at, updated_at, settled_at)
     SELECT ${ID("222", "day", "i")}, ${org}, d * ${PER_DAY} + i, ${def}, ${ID("111", "day", `(i % ${FEWER} + 1)`)}, lane_id(${def}, 0, 'k' || (i % ${LANES})), ${DAYS} - d, ${DAYS} - d,
       (CASE WHEN d < 2 THEN 'PENDING' ELSE 'DELIVERED' END)::webhook_request_state, 'STANDARD', 'order.created', 'order', i::text, 'https://shop.example/hooks',
       1, day, day, CASE WHEN d >= 2 THEN day END FROM ${past(PER_DAY)}`,
  );
  await seed.query(
    `INSERT INTO attempt (organization_id, request_id, number, outcome, duration_ms, request_url, request_body, started_at)
     SELECT r.organization_id, r.id, 1, 'REJECTED', 7, r.url, '{}', r.created_at FROM webhook_request r WHERE r.entity_id::int % ${PER_DAY / FEWER} = 1`,
  );
  await seed.query(
    `INSERT INTO lane_entry (organization_id, lane_id, position, request_id)
     SELECT organization_id, lane_id, position, id FROM webhook_request WHERE state = 'PENDING'`,
  );
  await seed.query(
    `INSERT INTO lane_due (organization_id, lane_id, definition_id, due_at)
     SELECT ${org}, id, ${def}, now() + (row_number() OVER (ORDER BY id) - 1000) * interval '1 minute' FROM lane WHERE definition_id = ${def}`,
  );
  await seed.query("UPDATE lane SET idle_since = now() - interval '2 days' WHERE key >= 'k19000'");
  await seed.query("ANALYZE");
  const { rows } = await seed.query<{ id: string; lane: string; position: string; event: string }>(
    `SELECT id, lane_id AS lane, position, event_id AS event FROM webhook_request WHERE state = 'PENDING' AND entity_id::int % ${Math.floor((2 * PER_DAY) / BATCH)} = 1`,
  );
  await seed.query("UPDATE webhook_request SET state = 'SENDING', sending_at = now() WHERE id = ANY($1::uuid[])", [
    rows.map((row) => row.id),
  ]);
  queued = rows.map((row) => ({ ...row, position: Number(row.position) }));
  lanes = [...new Set(queued.map((request) => request.lane))];
  await seed.end();
  client = await t.core.db.pool.connect();
  await client.query("SET plan_cache_mode = force_generic_plan");
  await client.query("SET idle_in_transaction_session_timeout = 0");
}, 120_000);
afterAll(async () => {
  client?.release(true);
  await t?.close();
});

interface Node {
  "Node Type": string;
  "Relation Name"?: string;
  "Actual Loops": number;
  "Actual Rows": number;
  "Rows Removed by Filter"?: number;
  "Rows Removed by Index Recheck"?: number;
  "Rows Removed by Join Filter"?: number;
  "Shared Hit Blocks"?: number;
  Plans?: Node[];
}

const literal = (value: unknown): string => {
  if (value === null) return "NULL";
  if (Array.isArray(value)) return literal(`{${value.map((one) => (one === null ? "NULL" : JSON.stringify(String(one)))).join(",")}}`);
  return `'${String(value).replaceAll("'", "''")}'`;
};

/** The plan of what was executed; whatever it wrote is undone. */
async function planOf({ name, text }: Statement<RowShape>, values: readonly unknown[]): Promise<Node> {
  const prepared = `explain_${name.replaceAll("-", "_")}`;
  await client.query("BEGIN");
  try {
    await client.query(`PREPARE ${prepared} AS ${text}`);
    const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Node }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE ${prepared}${values.length === 0 ? "" : `(${values.map(literal).join(", ")})`}`,
    );
    return (rows[0] as { "QUERY PLAN": [{ Plan: Node }] })["QUERY PLAN"][0].Plan;
  } finally {
    await client.query("ROLLBACK");
    await client.query(`DEALLOCATE ${prepared}`).catch(() => undefined);
  }
}

const LARGE = /^(event|webhook_request|attempt)_\d|^(lane|lane_entry|lane_due)$/;

/** What a plan does that does not scale. @param asked rows @param partitions of one table that may be read */
function faults(plan: Node, asked: number, partitions: number): string[] {
  const wrong: string[] = [];
  const read = new Map<string, Set<string>>();
  const visit = (node: Node) => {
    const table = node["Relation Name"];
    if (table !== undefined && LARGE.test(table) && node["Node Type"] !== "ModifyTable" && node["Actual Loops"] > 0) {
      const type = node["Node Type"];
      const touched =
        node["Actual Loops"] * (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0));
      if (type === "Seq Scan") wrong.push(`sequential scan of ${table}`);
      if (touched > 10 * asked) wrong.push(`${type} reads ${Math.round(touched)} rows of ${table}, ${asked} were asked for`);
      const parent = /^(event|webhook_request|attempt)_/.exec(table)?.[1];
      if (parent) read.set(parent, (read.get(parent) ?? new Set()).add(table));
    }
    if ((node["Rows Removed by Join Filter"] ?? 0) * node["Actual Loops"] > 100 * asked)
      wrong.push(`${node["Node Type"]} compares every row with every other`);
    for (const child of node.Plans ?? []) visit(child);
  };
  visit(plan);
  for (const [parent, names] of read) if (names.size > partitions) wrong.push(`reads ${names.size} partitions of ${parent}`);
  return wrong;
}

const fill = <T>(count: number, value: T) => Array.from({ length: count }, () => value);
const range = (ids: readonly string[]) => [[...ids].sort()[0], [...ids].sort().at(-1)];
const zero = "00000000-0000-0000-0000-000000000000";

/** Statement, values, rows asked for. */
function cases(): [Statement<RowShape>, unknown[], number][] {
  const ids = queued.map((request) => request.id);
  const orgs = fill(ids.length, t.organizationId);
  const laneOrgs = fill(lanes.length, t.organizationId);
  const none = (value: unknown) => fill(lanes.length, value);
  const each = (value: unknown) => fill(ids.length, value);
  const [fresh, freshEvents] = [ids.map(() => newId()), ids.map(() => newId())];
  const of = <S extends RowShape>(one: Statement<S>, values: unknown[], asked = BATCH): [Statement<RowShape>, unknown[], number] => [
    one as unknown as Statement<RowShape>,
    values,
    asked,
  ];
  return [
    of(dueLanes, ["-infinity", 500, [], true], 500),
    of(claimLanes, [laneOrgs, lanes, newId(), 30_000]),
    of(lockLanes, [laneOrgs, lanes]),
    of(lockNewestLanes, [laneOrgs, lanes, "1000"]),
    of(correctDue, [laneOrgs, lanes]),
    of(endLapsedLeases, [laneOrgs, lanes]),
    of(readLanePages, [laneOrgs, lanes, [], 32]),
    of(holdLanes, [laneOrgs, lanes, none(zero), none(0), none(0), none(0), none(0), 30_000]),
    of(renewLeases, [laneOrgs, lanes, none(zero), 30_000]),
    of(lanesStillOurs, [laneOrgs, lanes, none(zero)]),
    of(letLanesGo, [laneOrgs, lanes, none(null), none(null)]),
    of(releaseLanes, [laneOrgs, lanes, none(zero), none(100), none(0)]),
    of(interruptRequests, [laneOrgs, lanes, 64]),
    of(logInterrupted, [orgs, fresh, each(2), each(false), each("https://x.example"), each("now")]),
    of(mark, [orgs, ids, ...range(ids)]),
    of(markUnchanged, [orgs, ids, ...range(ids), queued.map((r) => r.lane), each(0)]),
    of(unmark, [orgs, ids, ...range(ids)]),
    of(loggedAttempts, [orgs, ids, each(1)]),
    of(sendingRequests, [orgs, ids, ...range(ids)]),
    of(finalStatuses, [orgs, ids]),
    of(requestAsChange, [t.organizationId, ids]),
    of(readRequestsById, [t.organizationId, ids, ...range(ids)]),
    of(settleRequests, [
      ...[orgs, ids, queued.map((r) => r.lane), queued.map((r) => r.position), each("DELIVERED"), each(2), each(1), each(null), each(null)],
      ...[each(false), each(null), each(null), each("{}"), each(null), each(null), each(null), each(null), each(false), ...range(ids)],
    ]),
    of(logAttempts, [
      ...[
        orgs,
        ids,
        each(2),
        each("DELIVERED"),
        each(false),
        each(200),
        each(5),
        each(null),
        each(null),
        each(null),
        each("https://x.example"),
      ],
      ...[each(null), each(null), each(null), each(null), each(false), each(null), each(null), each(false), each("now")],
    ]),
    of(takeLaneNumbers, [laneOrgs, lanes, none(definitionId), lanes, none(0), none(false), none(1)]),
    of(writeEvents, [
      ...[freshEvents, orgs, each("order.created"), each("order"), each("1"), each("{}"), each(null), each("{}"), each(null), each(null)],
      ...[each(null), each(null), each("now"), each(null), null, null, each("now")],
    ]),
    of(writeRequests, [
      ...[
        fresh,
        orgs,
        each(1),
        each(definitionId),
        freshEvents,
        each(null),
        queued.map((r) => r.lane),
        each(200),
        ids.map((_, i) => 1_000 + i),
      ],
      ...[each("STANDARD"), each("order.created"), each("order"), each("1"), each(null), each("{}"), each(false), "now"],
    ]),
    of(makeDue, [laneOrgs, lanes, none(definitionId)]),
    of(lockIdleLanes, [86_400_000, 500, 60_000], 1_000),
    of(deleteLanes, [laneOrgs, lanes]),
    of(raiseLaneFloors, [86_400_000, 500, 60_000], 1_000),
  ];
}

test("hot statements read the partitions that their ids name, by an index, and not much more than they were asked for", {
  timeout: 120_000,
}, async () => {
  expect(queued.length).toBeGreaterThanOrEqual(BATCH);
  const wrong: string[] = [];
  for (const [one, values, asked] of cases()) {
    const plan = await planOf(one, values).catch((error: Error) => error);
    // Ids of two days, at an hour that may lie beside midnight.
    if (plan instanceof Error) wrong.push(`${one.name}: ${plan.message}`);
    else wrong.push(...faults(plan, asked, 3).map((fault) => `${one.name}: ${fault}`));
  }
  expect(wrong).toEqual([]);
});

test("the check can fail: a walk over the log, and a lookup that does not say where", async () => {
  const of = (text: string) => planOf({ name: "bad", text } as Statement<RowShape>, [queued.map((request) => request.id)]);
  const [all, everywhere] = [
    "SELECT count(*) FROM webhook_request r WHERE r.id <> ALL($1::uuid[])",
    "SELECT r.id FROM webhook_request r WHERE r.event_id = ANY($1::uuid[]) AND r.organization_id IS NOT NULL",
  ];
  expect((await faults(await of(all), BATCH, 3)).join()).toMatch(/sequential scan|reads \d+ rows/);
  expect((await faults(await of(everywhere), BATCH, 3)).join()).toMatch(/partitions of webhook_request|sequential scan/);
});

test("F40 a busy lane's row is found in a few buffers, however many of its versions an open snapshot keeps", async () => {
  const lane = lanes[0] as string;
  const dump = await t.core.db.pool.connect();
  await dump.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  await dump.query("SELECT count(*) FROM webhook_definition");
  try {
    await t.asServer(
      `DO $$ BEGIN FOR i IN 1..8000 LOOP
         UPDATE lane SET last_position = last_position + 1, lease_token = '${zero}' WHERE organization_id = '${t.organizationId}' AND id = '${lane}';
       END LOOP; END $$`,
    );
    const one = [[t.organizationId], [lane]];
    for (const [statement, values] of [
      [lockNewestLanes, [...one, "1000"]],
      [readLanePages, [...one, [], 1]],
      [holdEveryLane, [...one, [zero], [0], [0], [0], [0], 30_000]],
    ] as [Statement<RowShape>, unknown[]][])
      expect((await planOf(statement, values))["Shared Hit Blocks"], statement.name).toBeLessThan(60);
    const { rows } = await client.query<{ "QUERY PLAN": [{ Plan: Node }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT 1 FROM lane WHERE organization_id = '${t.organizationId}' AND id = '${lane}'`,
    );
    // A control: this is what an ordinary look-up walks.
    expect(rows[0]?.["QUERY PLAN"][0].Plan["Shared Hit Blocks"]).toBeGreaterThan(150);
  } finally {
    await dump.query("ROLLBACK");
    dump.release();
  }
});

test("B35 what a dead worker left in a lane with 300 000 queued is found at its head", async () => {
  const lane = lanes[0] as string;
  await t.asServer(
    `INSERT INTO lane_entry (organization_id, lane_id, position, request_id)
     SELECT '${t.organizationId}', '${lane}', 1000 + i, ${ID("444", "now()", "i")} FROM generate_series(1, 300000) i`,
  );
  for (const [one, values] of [
    [interruptRequests, [[t.organizationId], [lane], 64]],
    [readLanePages, [[t.organizationId], [lane], [], 32]],
  ] as [Statement<RowShape>, unknown[]][])
    expect(faults(await planOf(one, values), 64, 3), one.name).toEqual([]);
});
