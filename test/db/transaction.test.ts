import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { isUnavailable } from "../../src/db/unavailable.ts";
import { testCore } from "../helpers/database.ts";

const t = await testCore();
afterAll(t.close);

test("a connection that breaks between two statements of a transaction fails that transaction and nothing else", async () => {
  const broken = t.core.db.transaction(async (client) => {
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    await t.asServer(`SELECT pg_terminate_backend(${rows[0]?.pid})`);
    // Nothing listens to this connection meanwhile; vitest fails the run for an exception that nobody catches.
    await sleep(100);
    return client.query("SELECT 1");
  });
  const error = await broken.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Error);
  expect(isUnavailable(error)).toBe(true);
  expect((await t.core.db.pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});

test("a transaction that idles holds its locks for seconds, not for ever", async () => {
  const settings = await t.core.db.pool.query(
    "SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('lock_timeout') AS lock",
  );
  expect(settings.rows).toEqual([{ idle: "5s", lock: "3s" }]);
});
