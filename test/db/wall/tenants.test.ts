/**
 * Everything that tenants' pools may send, sent for the wrong organization: it gives nothing and changes nothing. Tables come
 * from the catalog, models from schema.prisma, statements from the sql/ folders: what is new and has no row here fails.
 */
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Prisma, PrismaClient } from "../../../src/db/generated/prisma/client.ts";
import { clientConfig, SessionClient } from "../../../src/db/session-client.ts";
import { TenancyError } from "../../../src/db/tenancy.ts";
import { asOrganization, TenantPool } from "../../../src/db/tenant.ts";
import { countEvents, listEvents } from "../../../src/requests/event-list.ts";
import { countLanes, listLanes, showLanes } from "../../../src/requests/lanes.ts";
import { countRequests, listRequests, listRequestsByOffset } from "../../../src/requests/list.ts";
import { type TestCore, testCore, testLogins } from "../../helpers/database.ts";
import { addDefinition, addRequest, type LoggedRequest, settle } from "../../helpers/log.ts";
import { allStatements } from "../all-statements.ts";
import { fill, type Guarded, guardedTables } from "./rows.ts";

let t: TestCore;
let mine: string;
let theirs: string;
let tables: Guarded[];
let request: LoggedRequest;
/** A definition that has delivery minutes. */
let minuted: string;
let pool: TenantPool;

beforeAll(async () => {
  t = await testCore();
  mine = t.organizationId;
  theirs = (await t.organization("Other")).id;
  const definition = await addDefinition(t.core, mine);
  request = await addRequest(t.core, mine, definition, { payload: '{"n":1}' });
  await settle(t.core, mine, [{ request, state: "WAITING", attempt: { outcome: "REJECTED", statusCode: 500 } }]);
  await t.core.db.pool.query("UPDATE webhook_request SET notification_status = 'NEW' WHERE organization_id = $1", [mine]);
  await t.core.db.pool.query("UPDATE lane SET blocked_request_id = $2 WHERE organization_id = $1 AND definition_id = $3", [
    mine,
    request.id,
    definition.id,
  ]);
  tables = await guardedTables(t);
  await fill(t, mine, tables);
  const { rows } = await t.core.db.pool.query<{ id: string }>(
    "SELECT definition_id AS id FROM delivery_minute WHERE organization_id = $1",
    [mine],
  );
  minuted = rows[0]?.id as string;
  pool = new TenantPool({ url: testLogins(t.url).tenant, max: 1, purpose: "test" });
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await t?.close();
});

const as = (organizationId: string) => t.core.db.tenant(organizationId);
/** Rows read or changed; a refusal is none. */
const touched = async (organizationId: string, text: string, values: unknown[] = []) =>
  as(organizationId)
    .query(text, values)
    .then(
      ({ rowCount }) => rowCount ?? 0,
      (error: Error & { code?: string }) => {
        expect(["42501", "0A000"], error.message).toContain(error.code);
        return 0;
      },
    );

describe("tables", () => {
  test("each has a row of ours to be kept from others", async () => {
    expect(tables.length).toBeGreaterThan(30);
    for (const { name, column } of tables)
      expect(await touched(mine, `SELECT FROM "${name}" WHERE ${column} = $1`, [mine]), name).toBeGreaterThan(0);
  });

  test("under a wrong organization no row is read, changed, deleted, locked or added", async () => {
    for (const { name, column, columns } of tables) {
      const whole = async () =>
        (await t.asServer(`SELECT to_jsonb(r) AS row FROM "${name}" r ORDER BY 1`)).rows as { row: Record<string, unknown> }[];
      const before = await whole();
      const own = before.find(({ row }) => row[column] === mine)?.row;
      const some = columns.find((each) => each !== column) as string;
      expect(await touched(theirs, `SELECT FROM "${name}" WHERE ${column} = $1`, [mine]), name).toBe(0);
      expect(await touched(theirs, `SELECT FROM "${name}" WHERE ${column} = $1 FOR UPDATE`, [mine]), name).toBe(0);
      expect(await touched(theirs, `UPDATE "${name}" SET "${some}" = "${some}" WHERE ${column} = $1`, [mine]), name).toBe(0);
      expect(await touched(theirs, `DELETE FROM "${name}" WHERE ${column} = $1`, [mine]), name).toBe(0);
      expect(
        await touched(theirs, `INSERT INTO "${name}" SELECT * FROM jsonb_populate_record(NULL::"${name}", $1::jsonb)`, [own]),
        name,
      ).toBe(0);
      // Nor does one of theirs become ours.
      expect(await touched(theirs, `UPDATE "${name}" SET ${column} = $1`, [mine]).catch(() => 0), name).toBe(0);
      expect(await whole(), name).toEqual(before);
    }
  });

  test("without an organization every read is an error, also on a connection that served one before", async () => {
    const client = new SessionClient(clientConfig({ url: testLogins(t.url).tenant, purpose: "test" }));
    await client.connect();
    try {
      for (const { name } of tables)
        await expect(client.query(`SELECT count(*) FROM "${name}"`), name).rejects.toThrow(/hookline.organization_id|permission denied/);
      await client.query("BEGIN; SELECT set_config('hookline.organization_id', gen_random_uuid()::text, true); COMMIT");
      for (const { name } of tables)
        await expect(client.query(`SELECT count(*) FROM "${name}"`), name).rejects.toThrow(/uuid|permission denied/);
    } finally {
      await client.end();
    }
    await expect(pool.query("SELECT 1")).rejects.toThrow(TenancyError);
  });
});

describe("Prisma", () => {
  const NOBODYS = ["Epoch", "RateBucket"];
  const models = Object.values(Prisma.ModelName);
  type Delegate = Record<string, (args?: object) => Promise<unknown>>;
  const delegate = (client: object, model: string) =>
    (client as Record<string, Delegate>)[`${model.charAt(0).toLowerCase()}${model.slice(1)}`] as Delegate;
  const nothing = (error: Error & { code?: string }) => {
    // P2010 P2025: what Prisma makes of a refused statement, and of a row that is not there.
    expect(error.message).toMatch(/permission denied|denied access|row-level security|not found|No record/i);
    return [];
  };
  const countOf = (result: unknown) =>
    Array.isArray(result) ? result.length : typeof result === "number" ? result : (result as { count: number }).count;

  test.each(models.filter((model) => !NOBODYS.includes(model)))("%s under a wrong organization", async (model) => {
    const client = new PrismaClient({ adapter: new PrismaPg(pool) });
    const where = model === "Organization" ? { id: mine } : { organizationId: mine };
    const one = delegate(client, model);
    expect(countOf(await asOrganization(mine, async () => one["findMany"]?.({ where })))).toBeGreaterThan(0);
    for (const operation of ["findMany", "count", "deleteMany", "updateMany"]) {
      const args = operation === "updateMany" ? { where, data: where } : { where };
      const result = await asOrganization(theirs, async () => one[operation]?.(args)).catch(nothing);
      expect(countOf(result), operation).toBe(0);
    }
    expect(await asOrganization(theirs, async () => one["findFirst"]?.({ where })).catch(() => null)).toBeNull();
    await client.$disconnect();
  });

  test("an operation without an organization, or on what belongs to nobody, is refused", async () => {
    for (const model of models) {
      for (const operation of ["findMany", "count", "deleteMany", "updateMany", "create"]) {
        const refused = async () => delegate(t.core.db.prisma, model)[operation]?.({ data: {} });
        await expect(refused(), `${model}.${operation}`).rejects.toThrow(TenancyError);
      }
    }
    const both = { AND: [{ organizationId: mine }, { organizationId: theirs }] };
    expect(await t.core.db.prisma.user.findMany({ where: both })).toEqual([]);
  });

  test("lookups by a key of two organizations in one tick do not mix", async () => {
    const find = (organizationId: string, userId: string) => t.core.db.prisma.user.findUnique({ where: { id: userId, organizationId } });
    const users = await t.core.db.unscoped.user.findMany({ where: { organizationId: { in: [mine, theirs] } } });
    const found = await Promise.all(users.map(({ organizationId, id }) => find(organizationId, id)));
    expect(found.map((user) => user?.id)).toEqual(users.map(({ id }) => id));
    expect(new Set(users.map((user) => user.organizationId)).size).toBe(2);
    const script = { organizationId_name: { organizationId: theirs, name: "none" } };
    expect(await t.core.db.prisma.script.findUnique({ where: script })).toBeNull();
  });
});

const HIGHEST = "ffffffff-ffff-ffff-ffff-ffffffffffff";
const LOWEST = "00000000-0000-0000-0000-000000000000";

/** Statements of the tenants' pool, with values that find something under their own organization. */
const TENANTS: Record<string, () => unknown[]> = {
  "read-requests-by-id": () => [mine, [request.id], request.id, request.id],
  "read-requests-of-events-newest-first": () => [mine, [request.eventId], HIGHEST, LOWEST, 5, LOWEST, HIGHEST],
  "read-requests-of-events-oldest-first": () => [mine, [request.eventId], HIGHEST, LOWEST, 5, LOWEST, HIGHEST],
  "count-requests-of-event": () => [mine, request.eventId, LOWEST, HIGHEST, 5],
  "read-attempt-windows": () => [mine, [request.id], [1], [1], [0], request.id, request.id],
  "read-attempts-by-id": () => [mine, [request.id], [request.id], [1], [0], request.id, request.id],
  "read-attempt-contents": () => [mine, [request.id], [1], request.id, request.id],
  "read-events-by-id": () => [mine, [request.eventId], LOWEST, HIGHEST],
  "read-quotas": () => [mine, "2026-01-01", LOWEST],
  "count-queued": () => [mine, 5],
  "count-events-since": () => [mine, LOWEST, 5],
  "count-living-definitions": () => [mine, 5],
  "read-event-texts": () => [mine, [request.eventId], LOWEST, HIGHEST],
  "read-event-payloads": () => [mine, [request.eventId], LOWEST, HIGHEST],
  "find-notification": () => [mine, request.definitionId, request.id],
  "list-notifications": () => [mine, request.definitionId, null, 5, 0],
  "list-definition-attempts": () => [mine, request.definitionId, 5, 0],
  "read-past-attempts": () => [mine, [request.id], LOWEST, HIGHEST],
  "read-delivery-minutes": () => [mine, new Date(0)],
  "read-delivery-minutes-of-definition": () => [mine, new Date(0), minuted],
  "count-blocked-lanes": () => [mine, [request.definitionId], 5],
  "count-blocked-requests": () => [mine, [request.definitionId], 5, 5],
  "read-totals": () => [mine, [request.definitionId]],
};

/** Of the hot path, the chores and the live feed: over all organizations, or in a transaction that is. */
const ENGINES = new Set([
  ...["read-event-bucket", "tell-event-buckets", "add-stored-bytes", "tell-subscriptions", "subscriptions-elsewhere"],
  ...["drop-old-stored-days", "drop-old-event-buckets", "drop-old-subscription-counts", "drop-old-sessions"],
  ...["accept-events", "count-connections", "count-definitions-by-state", "count-lanes-by-state", "count-partitions"],
  ...["fold-minutes-into-stretches", "hold-every-lane", "lane-owners", "make-due", "mark-unchanged", "name-definition", "oldest-head"],
  // Retention goes through the organizations that keep less.
  ...["any-requests", "shorter-retentions", "oldest-request-below", "oldest-event-below", "delete-own-feed", "delete-own-replays"],
  ...["delete-own-erasures", "erasable-events", "take-lost-tests", "reject-lost-tests"],
  ...["events-had", "read-event-bodies", "read-sent-bodies", "walk-events"],
  // Alerts are looked for over all organizations, by a chore.
  ...["begin-alert-episodes", "end-alert-episodes", "find-blocked-lanes", "find-lagging-lanes", "lane-ahead", "open-definition-episodes"],
  ...["read-alert-rates", "recover-definition", "see-quota-refusal", "end-mail-episode", "end-lapsed-leases"],
  ...["add-deliveries", "claim-lanes", "correct-due", "count-errors", "delete-lanes", "delete-old-minutes", "delete-stray-entries"],
  ...["drop-keys", "drop-stray-due", "due-lanes", "final-statuses", "find-feed-news", "find-feed-waiting", "fold-finished-minutes"],
  ...["hold-lanes", "insert-missing-due", "interrupt-requests", "keep-key-answers", "kept-keys", "lanes-still-ours", "let-lanes-go"],
  ...[
    "lock-idle-lanes",
    "lock-lanes",
    "find-free-lanes",
    "find-grown-partitions",
    "lock-newest-lanes",
    "log-attempts",
    "log-interrupted",
    "logged-attempts",
    "mark",
    "publish-changes",
    "raise-lane-floors",
  ],
  ...["read-epoch", "read-feed-stretch", "read-lanes", "release-lanes", "renew-leases", "request-as-change"],
  ...[
    "begin-sequencing",
    "sending-requests",
    "sequence-feed",
    "settle-requests",
    "take-keys",
    "take-lane-numbers",
    "take-number-block",
    "tell",
    "unmark",
    "write-events",
    "write-requests",
  ],
]);

describe("statements", () => {
  test("each says whose it is: the tenants' or the engine's", async () => {
    const names = (await allStatements()).map(({ statement }) => statement.name);
    expect(names.filter((name) => !(name in TENANTS) && !ENGINES.has(name))).toEqual([]);
    expect([...Object.keys(TENANTS), ...ENGINES].filter((name) => !names.includes(name))).toEqual([]);
  });

  test.each(Object.keys(TENANTS))("%s under a wrong organization", async (name) => {
    const found = (await allStatements()).find(({ statement }) => statement.name === name)?.statement;
    if (!found) throw new Error(`no statement ${name}`);
    const values = (TENANTS[name] as () => unknown[])();
    const some = (rows: { count?: unknown }[]) => rows.filter((row) => row.count !== 0);
    expect(some(await found.rows(as(mine), values))).not.toEqual([]);
    expect(some(await found.rows(as(theirs), values))).toEqual([]);
  });
});

describe("lists with free filters", () => {
  const page = { limit: 10, fromBack: false, after: undefined, before: undefined };
  /** Asks for ours over a connection that is theirs. */
  const wrong = () => ({ ...t.core.db, tenant: () => as(theirs) });

  test("requests and lanes under a wrong organization", async () => {
    const [db, core] = [wrong(), { ...t.core, db: wrong() }];
    const { laneId, number } = request;
    for (const filter of [{}, { eventType: "order.created" }, { number }, { entityId: "18" }]) {
      expect((await listRequests(t.core.db, mine, filter, page)).rows.length).toBeGreaterThan(0);
      expect((await listRequests(db, mine, filter, page)).rows).toEqual([]);
      expect((await countRequests(db, mine, filter)).count).toBe(0);
      expect(await listRequestsByOffset(db, mine, filter, { limit: 5, offset: 0 })).toEqual([]);
    }
    expect((await listLanes(t.core, mine, {}, page)).rows.length).toBeGreaterThan(0);
    expect((await listLanes(core, mine, {}, page)).rows).toEqual([]);
    expect((await countLanes(core, mine, {})).count).toBe(0);
    expect(await showLanes(core, mine, [laneId])).toEqual([]);
  });

  test("events, and what their payloads hold, under a wrong organization", async () => {
    for (const filter of [{}, { type: ["order.*"] }, { payloadContains: '"N":1' }]) {
      expect((await listEvents(t.core.db, mine, page, filter)).rows.length).toBeGreaterThan(0);
      expect((await listEvents(wrong(), mine, page, filter)).rows).toEqual([]);
      expect((await countEvents(wrong(), mine, filter)).count).toBe(0);
    }
  });
});
