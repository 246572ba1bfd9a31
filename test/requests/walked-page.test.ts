/** Pages that end on the way, while rows come and go between any two statements. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Core } from "../../src/core.ts";
import { listEvents } from "../../src/requests/event-list.ts";
import { listLanes } from "../../src/requests/lanes.ts";
import { listRequests } from "../../src/requests/list.ts";
import type { PageOf, Slice } from "../../src/requests/page.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast } from "../helpers/log.ts";

let t: TestCore;
let definition: { id: string; laneId: string };
beforeAll(async () => {
  t = await testCore();
  await addPast(t.core, 2);
  definition = await addDefinition(t.core, t.organizationId);
});
afterAll(() => t?.close());

/** The n-th of ids that rise: an hour ago the first, and later ones for what comes meanwhile. */
const ID = "overlay(lowest_id(now() - interval '1 hour' + n * interval '10 ms')::text placing lpad(n::text, 12, '0') from 25)::uuid";

interface Rows {
  table: "webhook_request" | "event" | "lane";
  /** Column and value of what is looked for; others of the table have another value. */
  rare: string;
  /** Rows from the `$3`-th to the `$4`-th, with `$2` the definition; each `$5`-th is one that is looked for. */
  insert: string;
  rows: number;
  list(core: Core, page: PageOf<string>): Promise<Slice<{ id: string }>>;
}

const TABLES: Rows[] = [
  {
    table: "webhook_request",
    rare: "entity = 'rare'",
    insert: `INSERT INTO webhook_request (id, organization_id, number, definition_id, event_id, lane_id, lane_number, position, state, dialect, event_type, entity, entity_id, url, created_at, updated_at)
      SELECT ${ID}, $1, n, $2::uuid, gen_random_uuid(), lane_id($2::uuid, 0, ''), n, n, 'PENDING', 'STANDARD', 'a.b', CASE WHEN n % $5 = 0 THEN 'rare' ELSE 'o' END, '1', 'http://x/', now(), now()
      FROM generate_series($3::int, $4::int) n`,
    rows: 25_000,
    list: ({ db }, page) => listRequests(db, t.organizationId, { entity: "rare" }, page, 0),
  },
  {
    table: "event",
    rare: "type = 'rare'",
    insert: `INSERT INTO event (id, organization_id, type, payload, occurred_at, created_at)
      SELECT ${ID}, $1, CASE WHEN n % $5 = 0 THEN 'rare' ELSE 'common' END, '{}', now(), now() FROM generate_series($3::int, $4::int) n WHERE $2::uuid IS NOT NULL`,
    rows: 60_000,
    list: ({ db }, page) => listEvents(db, t.organizationId, page, { type: ["rare"] }),
  },
  {
    table: "lane",
    rare: "paused_at IS NOT NULL",
    insert: `INSERT INTO lane (id, organization_id, definition_id, key, last_number, last_position, paused_at)
      SELECT ${ID}, $1, $2::uuid, 'k' || n, 1, 1, CASE WHEN n % $5 = 0 THEN now() END FROM generate_series($3::int, $4::int) n`,
    rows: 110_000,
    list: (core, page) => listLanes(core, t.organizationId, { state: ["PAUSED"] }, page),
  },
];

/** The core, before each of whose statements for a tenant `work` is done. */
const beforeEach = (core: Core, work: () => Promise<void>): Core => {
  const tenant = (organizationId: string) => {
    const real = core.db.tenant(organizationId);
    const query = async (...given: Parameters<typeof real.query>) => {
      await work();
      return real.query(...given);
    };
    return { ...real, query };
  };
  return { ...core, db: Object.assign(Object.create(core.db) as typeof core.db, { tenant }) };
};

test.each(TABLES)(
  "a list of $table rows gives each row once that was there all the time, whatever comes and goes meanwhile",
  {
    timeout: 180_000,
  },
  async ({ table, rare, insert, rows, list }) => {
    const { pool } = t.core.db;
    const { organizationId } = t;
    await pool.query(insert, [organizationId, definition.id, 1, rows, 300]);
    const { rows: found } = await pool.query<{ id: string }>(
      `SELECT id FROM ${table} WHERE organization_id = $1 AND ${rare} ORDER BY id DESC`,
      [organizationId],
    );
    const wanted = found.map(({ id }) => id);
    expect(wanted).toHaveLength(Math.floor(rows / 300));
    let statements = 0;
    const core = beforeEach(t.core, async () => {
      statements++;
      // More go than come, and the other way round.
      const [come, go] = statements % 2 ? [400, 200] : [100, 700];
      const from = rows + statements * 1_000;
      await pool.query(insert, [organizationId, definition.id, from, from + come - 1, 1_000_000]);
      await pool.query(
        `DELETE FROM ${table} WHERE organization_id = $1 AND id IN (SELECT id FROM ${table} WHERE organization_id = $1 AND NOT coalesce(${rare}, false) ORDER BY id DESC LIMIT ${go})`,
        [organizationId],
      );
    });
    const got: string[] = [];
    let stops = 0;
    let after: string | undefined;
    for (let more = true; more; ) {
      const page = await list(core, { limit: 500, fromBack: false, after, before: undefined });
      got.push(...page.rows.map(({ id }) => id));
      if (page.stoppedAt !== undefined) stops++;
      after = page.stoppedAt ?? got.at(-1);
      more = page.hasNextPage;
    }
    expect(got).toEqual(wanted);
    expect(stops).toBeGreaterThan(0);
  },
);

test("a page of requests that is not full reads on while it has time, up to 100 000 rows, and goes both ways", {
  timeout: 120_000,
}, async () => {
  const { id } = await t.organization();
  const own = await addDefinition(t.core, id);
  const insert = TABLES[0]?.insert as string;
  // The oldest and one in the middle are looked for.
  await t.core.db.pool.query(insert.replace("'rare'", "'rarest'").replace("n % $5 = 0", "n IN (1, $5)"), [id, own.id, 1, 35_000, 17_000]);
  const read = (page: Partial<PageOf<string>>, ms?: number) =>
    listRequests(t.core.db, id, { entity: "rarest" }, { limit: 20, fromBack: false, after: undefined, before: undefined, ...page }, ms);
  const whole = await read({}, Number.POSITIVE_INFINITY);
  expect([whole.rows.map((row) => row.number), whole.hasNextPage, whole.stoppedAt]).toEqual([[17_000, 1], false, undefined]);
  const back = await read({ fromBack: true }, Number.POSITIVE_INFINITY);
  expect([back.rows.map((row) => row.number), back.hasPreviousPage, back.stoppedAt]).toEqual([[17_000, 1], false, undefined]);
  const full = await read({ limit: 1 }, Number.POSITIVE_INFINITY);
  expect([full.rows.map((row) => row.number), full.hasNextPage, full.stoppedAt]).toEqual([[17_000], true, undefined]);
  const short = await read({}, 0);
  expect([short.rows, short.hasNextPage]).toEqual([[], true]);
  expect(short.stoppedAt).toBeDefined();
  const oldest = back.rows.at(-1)?.id;
  expect(await read({ fromBack: true, before: oldest }, 0)).toMatchObject({ rows: [], hasPreviousPage: true, fromBack: true });

  await t.core.db.pool.query(insert, [id, own.id, 35_001, 130_000, 1_000_000]);
  const far = await read({}, Number.POSITIVE_INFINITY);
  expect([far.rows, far.hasNextPage]).toEqual([[], true]);
  const next = await read({ after: far.stoppedAt }, Number.POSITIVE_INFINITY);
  expect([next.rows.map((row) => row.number), next.hasNextPage]).toEqual([[17_000, 1], false]);
});
