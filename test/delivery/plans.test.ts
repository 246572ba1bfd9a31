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
