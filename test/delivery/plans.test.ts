/** What the sender knows of definitions, by the version of the catalogue that a lane was read with. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { updateDefinition } from "../../src/definitions/definitions.ts";
import { createPlans } from "../../src/delivery/plan.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
beforeAll(async () => {
  d = await openDelivery({}, { worker: false });
});
afterAll(() => d?.close());

async function catalogVersion(): Promise<number> {
  const { rows } = await d.t.core.db.pool.query<{ version: number }>(
    "SELECT version FROM organization_catalog WHERE organization_id = $1",
    [d.t.organizationId],
  );
  return rows[0]?.version as number;
}

test("a change that a failover lost is not waited for; the next one is seen", { timeout: 20_000 }, async () => {
  const id = await d.definition({ name: "before", targetUrl: "https://receiver.example/", eventTypes: ["plan.made"] });
  const plans = createPlans(d.t.core);
  const version = await catalogVersion();
  expect((await plans.get(id, version))?.definition.name).toBe("before");
  await d.t.core.db.pool.query("UPDATE organization_catalog SET version = version - 1 WHERE organization_id = $1", [d.t.organizationId]);
  plans.clear();
  const asked = Promise.all([1, 2, 3].map(() => plans.get(id, version)));
  expect((await asked).map((plan) => plan?.definition.name)).toEqual(["before", "before", "before"]);
  await updateDefinition(d.t.core, d.t.admin, id, { name: "after" }, d.engine.engine);
  expect((await plans.get(id, await catalogVersion()))?.definition.name).toBe("after");
});

test("what is being read already may be older than the change that is known", async () => {
  const id = await d.definition({ name: "before", targetUrl: "https://receiver.example/", eventTypes: ["plan.made"] });
  const { pool } = d.t.core.db;
  let answer: (() => void) | undefined;
  let queries = 0;
  // The first answer is read, and comes late.
  const query = async (...args: Parameters<typeof pool.query>) => {
    const result = await pool.query(...args);
    if (++queries === 1) await new Promise<void>((resolve) => (answer = resolve));
    return result;
  };
  const plans = createPlans({ ...d.t.core, db: { ...d.t.core.db, pool: { query } as never } });
  const early = plans.get(id, 0);
  await expect.poll(() => answer).toBeDefined();
  await updateDefinition(d.t.core, d.t.admin, id, { name: "after" }, d.engine.engine);
  const late = plans.get(id, await catalogVersion());
  answer?.();
  expect((await early)?.definition.name).toBe("before");
  expect((await late)?.definition.name).toBe("after");
  expect(queries).toBe(2);
});

test("plans are kept by their size: 300 transformations of 256 KiB are too many, and 300 small ones not", { timeout: 60_000 }, async () => {
  const { pool } = d.t.core.db;
  const transformation = "x".repeat(256 * 1024);
  const copies = async (code: string, text: string) => {
    const id = await d.definition({ name: code, targetUrl: "https://receiver.example/", eventTypes: ["plan.made"] });
    const { rows } = await pool.query<{ id: string }>(
      `INSERT INTO webhook_definition
       SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid(), 'number', d.number * 1000 + i, 'code', d.code || i,
         'transformation', $2::text))).*
       FROM webhook_definition d, generate_series(1, 300) i WHERE d.id = $1 RETURNING id`,
      [id, text],
    );
    return rows.map((row) => row.id);
  };
  let queries = 0;
  const query = (...args: Parameters<typeof pool.query>) => {
    queries += 1;
    return pool.query(...args);
  };
  const plans = createPlans({ ...d.t.core, db: { ...d.t.core.db, pool: { query } as never } });
  const readAnew = async (ids: readonly string[]) => {
    const before = queries;
    for (const id of ids) expect(await plans.get(id, 0)).toBeDefined();
    return queries - before;
  };
  const small = await copies("small", "({ body: event })");
  expect(await readAnew(small)).toBe(300);
  expect(await readAnew(small)).toBe(0);
  const large = await copies("large", transformation);
  expect(await readAnew(large)).toBe(300);
  // 64 Mi characters hold fewer than 256 of them; those loaded first have gone, the small ones before them.
  expect(await readAnew(large.slice(-250))).toBe(0);
  expect(await readAnew([small[0] as string, large[0] as string, large[44] as string])).toBe(3);
});
