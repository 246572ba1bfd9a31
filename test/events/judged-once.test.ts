/** Payloads are judged before their call waits for its turn, never in it: judging takes seconds, and others wait for the turn. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Catalog } from "../../src/definitions/catalog.ts";
import { createCatalogs } from "../../src/definitions/catalog.ts";
import { match, matchAnew, SchemasChangedError } from "../../src/events/matched.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore();
  await t.asServer(`UPDATE organization SET enforce_event_types = true, enforce_schemas = true WHERE id = '${t.organizationId}'`);
});
afterAll(() => t.close());

const type = (name: string, schema: object) =>
  t.asServer(`INSERT INTO event_type (id, organization_id, name, schema) VALUES (gen_random_uuid(), '${t.organizationId}', '${name}', '${JSON.stringify(schema)}')
    ON CONFLICT (organization_id, name) DO UPDATE SET schema = EXCLUDED.schema`);

async function now(): Promise<Catalog> {
  const found = (await createCatalogs(() => undefined).of(t.core.db.pool, [t.organizationId])).get(t.organizationId) as Catalog;
  // Whoever judges is seen.
  return { ...found, judge: found.judge && (() => Promise.reject(new Error("judged"))) };
}

test("a newer catalogue with the same schemas takes a call as it is; with others it is judged outside its turn", async () => {
  await type("order.paid", { required: ["sum"] });
  await type("other.thing", { type: "object" });
  const inputs = [{ type: "order.paid", payload: '{"sum":1}' }];
  const before = await match(t.core, t.organizationId, inputs, { ...(await now()), judge: async () => [] });
  await type("other.thing", { type: "string" });
  await expect(match(t.core, t.organizationId, inputs, await now())).rejects.toThrow("judged");
  expect((await matchAnew(t.core, t.organizationId, inputs, before, await now())).events).toHaveLength(1);
  await type("order.paid", { required: ["sum", "currency"] });
  await expect(matchAnew(t.core, t.organizationId, inputs, before, await now())).rejects.toBeInstanceOf(SchemasChangedError);
});
