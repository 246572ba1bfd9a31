/** The history that the long rows start from: written as the product would have, so that a change of its tables is noticed here. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { seedQueued, seedSettled } from "../../bench/seed.ts";
import { countRequests } from "../../src/requests/list.ts";
import { findOrphans } from "../../src/requests/orphans.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition } from "../helpers/log.ts";

let t: TestCore;
beforeAll(async () => {
  t = await testCore({ retentionDays: 30 });
});
afterAll(() => t?.close());

test("settled requests of some days, then a queue of a stopped definition; nothing hangs on what is not there", {
  timeout: 60_000,
}, async () => {
  const { core, organizationId } = t;
  for (const name of ["one", "two"]) await addDefinition(core, organizationId, name);
  await seedSettled(core.db.url, { requests: 1_000, perSmall: 0, days: 3 });
  const count = (filter: object) => countRequests(core.db, organizationId, filter);
  expect(await count({})).toEqual({ count: 1_000, capped: false });
  expect(await count({ lifeCycleState: ["REJECTED"] })).toEqual({ count: 20, capped: false });
  const { rows } = await core.db.pool.query(
    "SELECT sum(total_calls)::int AS calls, sum(total_errors)::int AS errors FROM definition_counter",
  );
  expect(rows[0]).toEqual({ calls: 1_040, errors: 60 });

  await core.db.pool.query("UPDATE webhook_definition SET state = 'STOPPED' WHERE name = 'two'");
  await seedQueued(core.db.url, 100);
  expect(await count({})).toEqual({ count: 1_100, capped: false });
  expect(await findOrphans(core, new AbortController().signal)).toEqual({ entries: 0, due: 0, lanes: 0, attempts: 0, requests: 0 });
});
