/** B56: each organization has a share of the connections that read, and no more. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { Shares } from "../../src/db/shares.ts";
import { RateLimitedError, SlowReadError, UnavailableError } from "../../src/errors.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { type TestCore, testLogins } from "../helpers/database.ts";

let app: TestApp;
let t: TestCore;
beforeAll(async () => {
  app = await testApp();
  t = app.t;
});
afterAll(() => app?.close());

test("a place goes on to who waits longest; who waits too long, or behind too many, is told to come again", async () => {
  const shares = new Shares({ most: 2, waiting: 2, patienceMs: 30 });
  const [leave] = [await shares.enter("a"), await shares.enter("a")];
  const order: string[] = [];
  const waits = ["first", "second"].map((name) => shares.enter("a").then(() => order.push(name)));
  await expect(shares.enter("a")).rejects.toBeInstanceOf(RateLimitedError);
  const other = await shares.enter("b");
  leave();
  leave();
  await waits[0];
  expect(order).toEqual(["first"]);
  await expect(waits[1]).rejects.toMatchObject({ retryAfterSeconds: 1 });
  expect(shares.refused).toBe(2);
  other();
});

test("B56 slow reads of one organization leave the others theirs, and ingest its own", { timeout: 30_000 }, async () => {
  const other = await t.organization();
  let over = 0;
  const slow = Array.from({ length: 20 }, () =>
    t.core.db
      .tenant(t.organizationId)
      .query("SELECT pg_sleep(1.5)")
      .then(
        () => (over += 1),
        () => (over += 1),
      ),
  );
  const { tenant } = t.core.db.pools;
  while (tenant.totalCount - tenant.idleCount < 3) await sleep(5);
  // By order, not by time: none of the slow ones was over when these were.
  await t.core.db.tenant(other.id).query("SELECT 1");
  await t.core.db.prisma.organization.findUniqueOrThrow({ where: { id: other.id } });
  await t.core.db.pool.query("SELECT 1");
  expect(over).toBe(0);
  expect(tenant.totalCount - tenant.idleCount).toBeLessThanOrEqual(Math.ceil((tenant.options.max ?? 0) / 2));
  await Promise.all(slow);
  expect(tenant.shares.refused).toBeGreaterThan(0);
  await t.core.db.tenant(t.organizationId).query("SELECT 1");
});

test("B56 a read that takes too long is given up, says so and gives its place back; so does one of Prisma's", async () => {
  const db = openDatabase(testLogins(t.url), { readTimeoutMs: 150 });
  try {
    const read = () => db.tenant(t.organizationId).query("SELECT pg_sleep(3)");
    for (let i = 0; i < 8; i++) await expect(read()).rejects.toBeInstanceOf(SlowReadError);
    await expect(read()).rejects.toMatchObject({
      code: "UNAVAILABLE",
      status: 503,
      retryAfterSeconds: 5,
      message: expect.stringContaining("0.15 s"),
    });
    const lock = await t.core.db.pool.connect();
    await lock.query("BEGIN");
    await lock.query("LOCK TABLE goal IN ACCESS EXCLUSIVE MODE");
    await expect(db.prisma.goal.findMany({ where: { organizationId: t.organizationId } })).rejects.toBeInstanceOf(SlowReadError);
    await lock.query("ROLLBACK");
    lock.release();
    expect((await db.tenant(t.organizationId).query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await db.tenantTransaction(t.organizationId, async (client) => {
      await client.query("SELECT 1");
    });
  } finally {
    await db.close();
  }
});

test("B56 who waits in vain for the share is told to come again, through Prisma too and at the door", { timeout: 30_000 }, async () => {
  const { shares } = t.core.db.pools.tenant;
  const most = Math.ceil((t.core.db.pools.tenant.options.max ?? 0) / 2);
  const leave = await Promise.all(Array.from({ length: most }, () => shares.enter(t.organizationId)));
  try {
    const read = t.core.db.prisma.goal.findMany({ where: { organizationId: t.organizationId } });
    await expect(read).rejects.toBeInstanceOf(RateLimitedError);
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" },
      body: JSON.stringify({ query: "{ webhookDefinitions(first: 5) { edges { node { id } } } }" }),
    });
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.status).toBe(429);
    expect(await response.text()).toContain("RATE_LIMITED");
  } finally {
    for (const each of leave) each();
  }
});

test("what another transaction is in the way of is said through Prisma as it is, on each of its clients", { timeout: 60_000 }, async () => {
  const lock = await t.core.db.pool.connect();
  await lock.query("BEGIN");
  await lock.query("SET LOCAL idle_in_transaction_session_timeout = 0");
  await lock.query("LOCK TABLE goal IN ACCESS EXCLUSIVE MODE");
  try {
    await expect(t.core.db.unscoped.goal.findFirst()).rejects.toBeInstanceOf(UnavailableError);
    const where = { organizationId: t.organizationId };
    const refused = expect.objectContaining({ name: "UnavailableError" });
    await expect(t.core.db.prisma.goal.findMany({ where })).rejects.toEqual(refused);
  } finally {
    await lock.query("ROLLBACK");
    lock.release();
  }
});
