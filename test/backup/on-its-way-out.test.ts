/** A backup beside retention: a partition that was taken out of its table, and is not dropped yet, is still a part of it. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { backup } from "../../src/backup/backup.ts";
import { restore } from "../../src/backup/restore.ts";
import { detach, type Partition, partitionsOf } from "../../src/requests/partitions.ts";
import { MASTER_KEY } from "../helpers/core.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { addDefinition, addPast, addRequest, cutDetachShort } from "../helpers/log.ts";

const DAY = 86_400_000;
const ago = (days: number) => new Date(Date.now() - days * DAY);
const folder = mkdtempSync(path.join(tmpdir(), "hookline-backup-"));
const admin = new pg.Client({ connectionString: inject("serverUrl") });
const copyName = `hookline_restore_${randomBytes(6).toString("hex")}`;
const copyUrl = Object.assign(new URL(inject("serverUrl")), { pathname: `/${copyName}` }).href;
const keys = [MASTER_KEY];
let t: TestCore;

beforeAll(async () => {
  t = await testCore({ retentionDays: 10 });
  await addPast(t.core, 30);
  await admin.connect();
  await admin.query(`CREATE DATABASE ${copyName}`);
});
afterAll(async () => {
  await t.close();
  await admin.query(`DROP DATABASE IF EXISTS ${copyName} WITH (FORCE)`);
  await admin.end();
  rmSync(folder, { recursive: true, force: true });
});

async function partitionOf(days: number): Promise<Partition> {
  const found = (await partitionsOf(t.core, "webhook_request")).find(
    ({ since, until }) => since && since <= ago(days) && ago(days) < until,
  );
  return found as Partition;
}

test("what stands in one is in the copy, in its place, also when its detach was cut short", { timeout: 120_000 }, async () => {
  const { pool } = t.core.db;
  const definition = await addDefinition(t.core, t.organizationId);
  // Resends that were quicker than retention: the next round puts them back.
  const [out, half] = [
    await addRequest(t.core, t.organizationId, definition, { createdAt: ago(20) }),
    await addRequest(t.core, t.organizationId, definition, { createdAt: ago(25) }),
  ];
  expect(await detach(t.core, await partitionOf(20))).toBe(true);
  await cutDetachShort(t.core, (await partitionOf(25)).name);
  expect((await partitionOf(25)).detaching).toBe(true);

  const file = path.join(folder, "a.hookline");
  const made = await backup({ url: t.url, file, keys, version: "0", now: new Date() });
  expect(made.find(({ table }) => table === "webhook_request")?.rows).toBe(2);
  await restore({ url: copyUrl, file, keys, keysFrom: "a test" });
  const copy = new pg.Client({ connectionString: copyUrl });
  await copy.connect();
  const { rows } = await copy.query("SELECT id FROM webhook_request ORDER BY id");
  const names = await copy.query("SELECT name FROM hot_partition WHERE parent = 'webhook_request' ORDER BY name");
  await copy.end();
  expect(rows.map(({ id }) => id)).toEqual([half.id, out.id]);
  const here = await pool.query("SELECT name FROM hot_partition WHERE parent = 'webhook_request'");
  expect(names.rows.length).toBe(here.rows.length + 1);
});
