/** A call of more requests than fit a statement, whose filters take longer than the numbers that are taken for it last. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";

let t: TestCore;
let e: TestEngine;
beforeAll(async () => {
  t = await testCore();
  e = await testEngine(t.core);
});
afterAll(async () => {
  await e?.close();
  await t?.close();
});

test("is matched before its numbers are taken, and ends", async () => {
  const { sandbox } = e.engine;
  const items = Array.from({ length: 250 }, (_, i) => ({ a: i }));
  const slow = { payload: { items: { $elemMatch: { $or: Array.from({ length: 80 }, (_, i) => ({ a: { $eq: -1 - i } })) } } } };
  for (const [name, filter] of Object.entries({ one: null, two: null, three: null, slow }))
    await createDefinition(
      t.core,
      t.admin,
      { name, targetUrl: "https://shop.example/h", eventTypes: ["*"], filter, state: "ACTIVE" },
      { sandbox, payloadQuery: createPayloadQuery() },
    );
  const payload = JSON.stringify({ items });
  const { events } = await e.engine.ingest.emit(
    t.organizationId,
    Array.from({ length: 1_000 }, (_, i) => ({ type: "a.b", payload, idempotencyKey: `long-${i}` })),
  );
  expect(events).toHaveLength(1_000);
  const { rows } = await t.core.db.pool.query<{ count: number }>("SELECT count(*) AS count FROM webhook_request");
  expect(rows[0]?.count).toBe(3_000);
});
