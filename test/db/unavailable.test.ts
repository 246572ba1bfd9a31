/** What Postgres refuses is told by its kind, to the client and to the operator; on a real Postgres. */
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { toldOf, warnOf } from "../../src/db/unavailable.ts";
import { BadInputError, UNAVAILABLE, UnavailableError, type UnavailableKind } from "../../src/errors.ts";
import type { Warnings } from "../../src/observe/warnings.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";

const role = `narrow_${process.pid}`;
const lines: { kind: string; subject: string; told: Record<string, unknown>; message: string }[] = [];
const warnings: Warnings = {
  warn: (kind, subject, told, message) => void lines.push({ kind, subject, told: told as Record<string, unknown>, message }),
  flush: async () => undefined,
};
let database: TestDatabase;
let admin: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = new pg.Client({ connectionString: inject("serverUrl") });
  await admin.connect();
  await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x' CONNECTION LIMIT 0`);
});
afterAll(async () => {
  await database?.drop();
  await admin?.query(`DROP ROLE ${role}`);
  await admin?.end();
});

const raise = (code: string) => `DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '${code}'; END $$`;
const narrow = () => Object.assign(new URL(database.url), { username: role, password: "x" }).href;
const nowhere = () => Object.assign(new URL(database.url), { port: "1" }).href;

test.each<[UnavailableKind, string | undefined, () => string, string]>([
  ["DISK_FULL", "53100", () => database.url, raise("53100")],
  ["NO_RESOURCES", "53200", () => database.url, raise("53200")],
  ["NO_CONNECTION", "53300", narrow, "SELECT 1"],
  ["READ_ONLY", "25006", () => database.url, "BEGIN READ ONLY; CREATE TABLE x (); COMMIT"],
  ["TOO_SLOW", "57014", () => database.url, "SET statement_timeout = 20; SELECT pg_sleep(5)"],
  ["UNREACHABLE", "ECONNREFUSED", nowhere, "SELECT 1"],
])("%s (%s): a sentence of its own, one line in Postgres's words, and 503 as ever", async (kind, sqlstate, url, text) => {
  lines.length = 0;
  const db = openDatabase(url(), { heard: warnOf(warnings) });
  const told = (await db.pool.query(text).catch(toldOf)) as UnavailableError;
  const throughPrisma = (await db.unscoped.$queryRawUnsafe(text).catch(toldOf)) as UnavailableError;
  await db.close();
  expect(told).toBeInstanceOf(UnavailableError);
  expect(told).toMatchObject({ status: 503, code: "UNAVAILABLE", retryAfterSeconds: 2, message: UNAVAILABLE[kind] });
  if (!text.includes(";")) expect(throughPrisma.message).toBe(UNAVAILABLE[kind]);
  expect(lines.at(0)).toEqual({
    kind: "database",
    subject: kind,
    told: { kind, sqlstate, err: expect.stringMatching(/./) },
    message: (UNAVAILABLE[kind] as string).split(";")[0],
  });
});

test("a text that Postgres cannot hold is its sender's mistake; any other error stays ours", async () => {
  const db = openDatabase(database.url, { heard: warnOf(warnings) });
  lines.length = 0;
  for (const [text, values] of [
    ["SELECT $1::text", ["a\0b"]],
    [`SELECT '"\\u0000"'::jsonb ->> 0, $1::text`, ["a"]],
  ] as const)
    expect(toldOf(await db.pool.query(text, [...values]).catch((error: unknown) => error))).toBeInstanceOf(BadInputError);
  expect(toldOf(await db.unscoped.user.findFirst({ where: { email: "a\0b" } }).catch((error: unknown) => error))).toBeInstanceOf(
    BadInputError,
  );
  const wrong: unknown = await db.pool.query("SELECT 1 / 0").catch((error: unknown) => error);
  expect(toldOf(wrong)).toBe(wrong);
  expect(lines.map(({ subject, told }) => [subject, told.sqlstate])).toEqual(
    ["22021", "22P05", "22021"].map((code) => ["UNSTORABLE", code]),
  );
  await db.close();
});
