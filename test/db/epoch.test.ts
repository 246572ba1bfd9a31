import { randomBytes } from "node:crypto";
import pg from "pg";
import { expect, inject, test, vi } from "vitest";
import type { Core } from "../../src/core.ts";
import { openDatabase } from "../../src/db/client.ts";
import { createEpoch } from "../../src/db/epoch.ts";
import { createNotifier } from "../../src/db/notify.ts";
import { BadCursorError } from "../../src/errors.ts";
import { createFeed } from "../../src/live/feed.ts";
import { testCore } from "../helpers/database.ts";
import { addDefinition, addRequests } from "../live/writer.ts";

test("B14 after a restore an old cursor is refused, though the sequence has passed it; running subscriptions end", async () => {
  const t = await testCore();
  const organizationId = t.organizationId;
  const admin = new pg.Client({ connectionString: inject("serverUrl") });
  await admin.connect();
  const name = new URL(t.url).pathname.slice(1);
  const backup = `hookline_backup_${randomBytes(8).toString("hex")}`;
  const first = createFeed(t.core, { pollMs: 50 });
  let second: { core: Core; stop(): Promise<void> } | undefined;
  try {
    const definition = await addDefinition(t.core, organizationId);
    await addRequests(t.core, organizationId, definition, 5);
    await first.cursor(organizationId);
    const others = (database: string) =>
      admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [database]);
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await others(name);
    await vi.waitFor(() => admin.query(`CREATE DATABASE ${backup} TEMPLATE ${name}`), { timeout: 10_000 });
    await admin.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);

    await addRequests(t.core, organizationId, definition, 20);
    const old = await first.cursor(organizationId);
    const epochs = vi.fn();
    first.onEpoch(epochs);
    await first.start();
    const running = await first.requests({ organizationId, filter: {}, after: old });
    const next = expect(running.next()).rejects.toThrow(BadCursorError);

    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.query(`CREATE DATABASE ${name} TEMPLATE ${backup}`);
    await next;
    expect(epochs).toHaveBeenCalledTimes(1);
    await addRequests(t.core, organizationId, definition, 40);
    await expect(first.requests({ organizationId, filter: {}, after: old })).rejects.toThrow(BadCursorError);

    const core = { ...t.core, db: openDatabase(t.url), notify: createNotifier(t.url, t.core.log) };
    second = { core, stop: () => core.db.close() };
    const other = createFeed(core);
    await expect(other.requests({ organizationId, filter: {}, after: old })).rejects.toThrow(BadCursorError);
    expect(await other.cursor(organizationId)).toBe(await first.cursor(organizationId));
  } finally {
    await first.stop();
    await second?.stop();
    await t.close();
    await admin.query(`DROP DATABASE IF EXISTS ${backup} WITH (FORCE)`);
    await admin.end();
  }
}, 60_000);

test("processes that look at once agree on one epoch, and a later look keeps it", async () => {
  const t = await testCore();
  try {
    const seen = await Promise.all(Array.from({ length: 6 }, () => createEpoch(t.core.db, t.core.log).look()));
    expect(new Set(seen).size).toBe(1);
    expect(await createEpoch(t.core.db, t.core.log).look()).toBe(seen[0]);
  } finally {
    await t.close();
  }
});

test("where the server only reads, the look fails and nothing is made", async () => {
  const t = await testCore();
  const { db, log } = t.core;
  const transaction: typeof db.transaction = (work) =>
    db.transaction(async (client) => {
      await client.query("SET TRANSACTION READ ONLY");
      return work(client);
    });
  try {
    await expect(createEpoch({ ...db, transaction }, log).look()).rejects.toThrow(/read-only/);
    expect((await db.pool.query("SELECT 1 FROM epoch")).rowCount).toBe(0);
  } finally {
    await t.close();
  }
});
