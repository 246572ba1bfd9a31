import { afterAll, beforeAll, expect, test } from "vitest";
import { dropEndedSessions } from "../../src/accounts/drop-old.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

test("sessions that ended 30 days ago go, however many; others stay", async () => {
  const { userId, organizationId } = await app.t.caller("ADMIN");
  const { pool } = app.t.core.db;
  const session = (name: string, expires: string, revoked: string | null, count = 1) =>
    pool.query(
      `INSERT INTO session (id, organization_id, kind, hash, user_id, address, expires_at, revoked_at)
       SELECT gen_random_uuid(), $1, 'BROWSER', decode(md5($2 || i) || md5(i::text || $2), 'hex'), $3, $2, now() + $4::interval, now() + $5::interval
       FROM generate_series(1, $6) i`,
      [organizationId, name, userId, expires, revoked, count],
    );
  await session("expired long ago", "-31 days", null, 1_200);
  await session("revoked long ago", "1 day", "-31 days");
  await session("expired", "-29 days", null);
  await session("revoked", "1 day", "-1 day");
  await session("open", "1 day", null);
  expect(await dropEndedSessions(app.t.core, AbortSignal.timeout(10_000))).toEqual({ sessions: 1_201 });
  const { rows } = await pool.query("SELECT address FROM session WHERE user_id = $1 AND address IS NOT NULL ORDER BY address", [userId]);
  expect(rows.map(({ address }) => address)).toEqual(["expired", "open", "revoked"]);
});
