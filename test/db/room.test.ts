/** Room for the connections of several processes: what is counted, and what is said when there is none. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { checkRoom, checkRoomForOne, connectionsOfAll, type Limits, roomProblem } from "../../src/db/room.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { startOnDatabase } from "./start-on-database.ts";

const plenty: Limits = { maxConnections: 1_000, reserved: 3, others: 0, role: null, database: null };

describe("what several processes take", () => {
  test("each its pools and listeners, and the primary a few", () => {
    expect(connectionsOfAll({ workers: 2, pool: 10 })).toBe(2 * 28 + 16);
    expect(connectionsOfAll({ workers: 3, pool: 2 })).toBe(3 * 12 + 12);
  });

  test("exactly as many as are left fit", () => {
    const limits = { ...plenty, maxConnections: 72 + 3 + 5, others: 5 };
    expect(roomProblem({ workers: 2, pool: 10 }, limits)).toBeUndefined();
    expect(roomProblem({ workers: 2, pool: 10 }, { ...limits, others: 6 })).toContain("Postgres has 71 left");
  });

  test("the sentence says what is short, why, and three things to set, each of which suffices", () => {
    const limits = { ...plenty, maxConnections: 100, others: 20 };
    const problem = roomProblem({ workers: 4, pool: 10 }, limits) as string;
    expect(problem).toBe(
      "HOOKLINE_WORKERS=4 with HOOKLINE_DATABASE_POOL=10 takes up to 128 connections (4 processes × 28 and 16 of the primary), and Postgres has 77 left: max_connections is 100, of which 3 are reserved (superuser_reserved_connections, reserved_connections) and 20 taken by other sessions. Set HOOKLINE_WORKERS to 2, or HOOKLINE_DATABASE_POOL to 3, or max_connections to 151",
    );
    expect(roomProblem({ workers: 2, pool: 10 }, limits)).toBeUndefined();
    expect(roomProblem({ workers: 4, pool: 3 }, limits)).toBeUndefined();
    expect(roomProblem({ workers: 4, pool: 10 }, { ...limits, maxConnections: 151 })).toBeUndefined();
  });

  test("a limit of the role or the database is named, when it is the tightest", () => {
    const wanted = { workers: 2, pool: 10 };
    const role = roomProblem(wanted, { ...plenty, role: { limit: 50, others: 2 } });
    expect(role).toContain("Postgres has 48 left: the CONNECTION LIMIT of its role is 50, of which 2 are taken");
    expect(role).toContain("or the role's CONNECTION LIMIT to 74");
    const database = roomProblem(wanted, { ...plenty, role: { limit: 50, others: 2 }, database: { limit: 20, others: 0 } });
    expect(database).toContain("the CONNECTION LIMIT of its database is 20");
    // Nothing smaller fits: only the limit is left to set.
    expect(database).toMatch(/Set the database's CONNECTION LIMIT to 72$/);
  });
});

describe("what Postgres says", () => {
  let database: TestDatabase;
  let admin: pg.Client;
  const role = `room_${process.pid}`;
  beforeAll(async () => {
    database = await createTestDatabase();
    admin = new pg.Client({ connectionString: inject("serverUrl") });
    await admin.connect();
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x' CONNECTION LIMIT 60`);
  });
  afterAll(async () => {
    await database.drop();
    await admin.query(`DROP ROLE ${role}`);
    await admin.end();
  });

  test("more than max_connections is refused, without a trace", async () => {
    await expect(checkRoom(database.url, { workers: 64, pool: 10 })).rejects.toThrow(/max_connections is \d+, of which \d+ are reserved/);
  });

  test("the sessions of others count, for a role without rights on them too", async () => {
    const url = new URL(database.url);
    [url.username, url.password] = [role, "x"];
    const others = await Promise.all(
      [1, 2, 3].map(async () => {
        const client = new pg.Client({ connectionString: url.href });
        await client.connect();
        return client;
      }),
    );
    await expect(checkRoom(url.href, { workers: 3, pool: 10 })).rejects.toThrow(
      /the CONNECTION LIMIT of its role is 60, of which 3 are taken by other sessions/,
    );
    await Promise.all(others.map((client) => client.end()));
    await checkRoom(url.href, { workers: 2, pool: 2 });
  });

  test("one process is refused below what a start takes, before anything is written, and warned below what it may need", async () => {
    const url = Object.assign(new URL(database.url), { username: `${role}_one`, password: "x" }).href;
    await admin.query(`CREATE ROLE ${role}_one LOGIN PASSWORD 'x' CONNECTION LIMIT 2`);
    const empty = `${role}_empty`;
    await admin.query(`CREATE DATABASE ${empty} OWNER ${role}_one`);
    const folder = mkdtempSync(path.join(tmpdir(), "hookline room-"));
    const undo: (() => Promise<unknown>)[] = [];
    try {
      const program = startOnDatabase(Object.assign(new URL(url), { pathname: `/${empty}` }).href, {
        token: "hookline_room_0123456789abcdef0123456789",
        folder,
        undo,
      });
      expect(await program.ended).toMatchObject({ code: 1 });
      expect(program.err() + program.out()).toMatch(
        /takes up to 28 connections with HOOKLINE_DATABASE_POOL=10, .* the CONNECTION LIMIT of its role is 2/,
      );
      const looking = new pg.Client({ connectionString: Object.assign(new URL(database.url), { pathname: `/${empty}` }).href });
      await looking.connect();
      expect((await looking.query("SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).rows).toEqual([]);
      await looking.end();
      await admin.query(`ALTER ROLE ${role}_one CONNECTION LIMIT 8`);
      expect(await checkRoomForOne(url, 10)).toMatch(/Set the role's CONNECTION LIMIT to 28$/);
      await admin.query(`ALTER ROLE ${role}_one CONNECTION LIMIT 3`);
      expect(await checkRoomForOne(url, 10)).toMatch(/Postgres has 3 at most/);
      await admin.query(`ALTER ROLE ${role}_one CONNECTION LIMIT 27`);
      expect(await checkRoomForOne(url, 10)).toMatch(/Set HOOKLINE_DATABASE_POOL to 9, or the role's CONNECTION LIMIT to 28$/);
      // Whoever may not look starts as before.
      const inside = new pg.Client({ connectionString: Object.assign(new URL(database.url), { pathname: `/${empty}` }).href });
      await inside.connect();
      await inside.query("REVOKE SELECT ON pg_catalog.pg_stat_activity FROM PUBLIC");
      await inside.end();
      expect(await checkRoomForOne(Object.assign(new URL(url), { pathname: `/${empty}` }).href, 10)).toBeUndefined();
      await admin.query(`ALTER ROLE ${role}_one CONNECTION LIMIT 28`);
      expect(await checkRoomForOne(url, 10)).toBeUndefined();
    } finally {
      for (const each of undo) await each();
      await admin.query(`DROP DATABASE ${empty} WITH (FORCE)`);
      await admin.query(`DROP ROLE ${role}_one`);
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
