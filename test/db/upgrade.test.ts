/** 0.1 → 0.2 on real data: killed at its steps, gone on with, and everything that was queued arrives in its order. */
import { spawn } from "node:child_process";
import pg from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { Core } from "../../src/core.ts";
import { openDatabase } from "../../src/db/client.ts";
import { migrate, migrationStatus } from "../../src/db/migrate.ts";
import { readMigrations } from "../../src/db/migrations/folder.ts";
import { createNotifier } from "../../src/db/notify.ts";
import { createLog } from "../../src/observe/log.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { createRefusals } from "../../src/observe/refusals.ts";
import { createWarnings } from "../../src/observe/warnings.ts";
import { createVault } from "../../src/vault.ts";
import { testConfig } from "../helpers/database.ts";
import { testEngine } from "../helpers/engine.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { applyInit, fillOld, type OldDefinition, ORGANIZATION, recordInit } from "./old-installation.ts";

/** 100 000 in all; those that are delivered in the test are fewer. */
const DEFINITIONS: OldDefinition[] = [
  { name: "strict", ordering: "DEFINITION", state: "ACTIVE", requests: 600 },
  { name: "keyed", ordering: "KEY", state: "ACTIVE", requests: 600, keys: 20 },
  { name: "free", ordering: "NONE", state: "ACTIVE", requests: 300 },
  { name: "stopped", ordering: "KEY", state: "STOPPED", requests: 98_500, keys: 500 },
];
const TOTAL = 100_000;

/** Every migration, in its order; the first is 0.1's. */
const ALL = (await readMigrations()).map(({ name }) => name);

let receiver: Receiver;
const databases: string[] = [];

beforeAll(async () => {
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver?.close();
  for (const name of databases) await asAdmin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
});

async function asAdmin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject("serverUrl") });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

async function emptyDatabase(): Promise<string> {
  const name = `hookline_old_${Math.random().toString(36).slice(2)}`;
  databases.push(name);
  await asAdmin(`CREATE DATABASE ${name}`);
  const url = new URL(inject("serverUrl"));
  url.pathname = `/${name}`;
  return url.href;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return work(client).finally(() => client.end());
}

/** Migrates in a process of its own and kills it once `steps` are done. */
function migrateAndKill(url: string, steps: number): Promise<number> {
  const code = `import { migrate } from "./src/db/migrate.ts";
    await migrate(process.argv[1], { onProgress: (p) => { process.stdout.write(p.step + "\\n"); } });`;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", code, url], { stdio: ["ignore", "pipe", "inherit"] });
    let seen = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      seen += chunk.toString().split("\n").length - 1;
      if (seen >= steps) child.kill("SIGKILL");
    });
    child.on("close", () => resolve(seen));
  });
}

test("100 000 unsettled requests of 0.1 go through the upgrade, killed at its steps, and arrive in order", {
  timeout: 180_000,
}, async () => {
  const url = await emptyDatabase();
  await withClient(url, async (client) => {
    await applyInit(client);
    await fillOld(client, receiver.url, DEFINITIONS);
  });
  for (const steps of [1, 2, 1]) await migrateAndKill(url, steps);
  const status = await migrationStatus(url);
  expect(status.map((one) => one.state)).toEqual(["APPLIED", "BEGUN", ...ALL.slice(2).map(() => "PENDING")]);
  expect(status[1]?.steps?.done).toBeGreaterThanOrEqual(3);
  await migrate(url);
  expect((await migrationStatus(url)).map((one) => one.state)).toEqual(ALL.map(() => "APPLIED"));

  await withClient(url, async (client) => {
    const count = async (text: string) => Number((await client.query(text)).rows[0].n);
    expect(await count("SELECT count(*) AS n FROM webhook_request")).toBe(TOTAL);
    expect(await count("SELECT count(*) AS n FROM lane_entry")).toBe(TOTAL);
    expect(await count("SELECT count(*) AS n FROM event")).toBe(TOTAL);
    expect(await count("SELECT count(*) AS n FROM lane WHERE id <> lane_id(definition_id, 0, key)")).toBe(0);
    expect(await count("SELECT count(*) AS n FROM lane_due")).toBe(1 + 20 + 1 + 500);
    // Each queue stands in the order of its numbers, with its own requests.
    expect(
      await count(`SELECT count(*) AS n FROM lane_entry e JOIN webhook_request r ON r.organization_id = e.organization_id AND r.id = e.request_id
                   WHERE r.lane_id <> e.lane_id OR r.lane_number <> e.position`),
    ).toBe(0);
    expect(
      await count(`SELECT count(*) AS n FROM webhook_request r WHERE NOT EXISTS (SELECT 1 FROM number_block b
                   WHERE b.organization_id = r.organization_id AND r.number BETWEEN b.from_number AND b.to_number AND r.id BETWEEN b.first_id AND b.last_id)`),
    ).toBe(0);
  });

  const config = testConfig(url, { retryScale: 0.001 });
  const log = createLog(config);
  const notify = createNotifier(url, log);
  const vault = createVault([{ id: "1", key: Buffer.alloc(32, 7) }]);
  const core: Core = {
    ...{
      config,
      clock: systemClock,
      log,
      metrics: createMetrics(),
      warnings: createWarnings(log),
      refusals: createRefusals(systemClock, log),
    },
    ...{ db: openDatabase(url), notify, vault },
  };
  await notify.start();
  const { close, engine } = await testEngine(core);
  try {
    await engine.ingest.emit(ORGANIZATION, [{ type: "order.created", entity: "thing", entityId: "0", payload: '{"n":0}' }]);
    const left = async () =>
      (
        await core.db.pool.query(
          "SELECT count(*)::int AS n FROM lane_entry e JOIN lane l ON l.organization_id = e.organization_id AND l.id = e.lane_id JOIN webhook_definition d ON d.id = l.definition_id WHERE d.state = 'ACTIVE'",
        )
      ).rows[0].n as number;
    await expect.poll(left, { timeout: 90_000, interval: 100 }).toBe(0);
    const numbers = new Map<string, number[]>();
    for (const { path, body } of receiver.calls) {
      const n = (JSON.parse(body.toString()) as { data: { n: number } }).data.n;
      const lane = path === "/keyed" ? `${path}/${n % 20}` : path;
      numbers.set(lane, [...(numbers.get(lane) ?? []), n]);
    }
    for (const [lane, list] of numbers) {
      // What came after the upgrade stands behind everything before it.
      const ranks = list.map((n) => (n === 0 ? TOTAL + 1 : n));
      if (lane !== "/free") expect(ranks, lane).toEqual([...new Set(ranks)].sort((a, b) => a - b));
    }
    expect(numbers.get("/strict")).toHaveLength(601);
    expect(new Set(numbers.get("/free")).size).toBe(301);
    const { rows } = await core.db.pool.query("SELECT number FROM webhook_request WHERE id > $1 ORDER BY number", [
      (await core.db.pool.query("SELECT id FROM webhook_request WHERE number = $1", [TOTAL])).rows[0].id,
    ]);
    expect(rows.map((row) => row.number)).toEqual([TOTAL + 1, TOTAL + 2, TOTAL + 3]);
    const cut = await core.db.pool.query("SELECT outcome FROM attempt ORDER BY number, outcome");
    expect(cut.rows.filter((row) => row.outcome === "INTERRUPTED")).toHaveLength(1);
  } finally {
    await close();
    await notify.stop();
    await core.db.close();
  }
});

test("B3 a 0.1 that was killed while it migrated is mended by the next start, whichever half it left", async () => {
  const done = await emptyDatabase();
  await withClient(done, (client) => applyInit(client, false));
  expect(await migrate(done)).toEqual(ALL.slice(1));
  const nothing = await emptyDatabase();
  await withClient(nothing, (client) => recordInit(client, false));
  expect(await migrate(nothing)).toEqual(ALL);
  expect(await migrate(nothing)).toEqual([]);
});

test("the upgrade refuses while others are connected, and says who; nothing is written", async () => {
  const url = await emptyDatabase();
  await withClient(url, (client) => applyInit(client));
  await withClient(url, async (other) => {
    await other.query("SET application_name = 'old hookline'");
    const { rows } = await other.query("SELECT pg_backend_pid() AS pid");
    await expect(migrate(url)).rejects.toThrow(
      new RegExp(`needs to be alone.*pid ${rows[0].pid} \\(old hookline\\).*stop every Hookline process`),
    );
    expect((await other.query("SELECT to_regclass('lane_due') AS found")).rows[0].found).toBeNull();
  });
  expect(await migrate(url)).toEqual(ALL.slice(1));
});

test("B5 a schema that other tables live in is refused in one sentence, nothing written; a schema of its own beside it works", async () => {
  const url = await emptyDatabase();
  await withClient(url, (client) => client.query("CREATE TABLE customers (id int)"));
  await expect(migrate(url)).rejects.toThrow(/not empty \(it holds customers\).*HOOKLINE_DATABASE_SCHEMA/);
  await withClient(url, async (client) => {
    const { rows } = await client.query(
      "SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    );
    expect(rows[0].n).toBe(1);
  });
  expect(await migrate(`${url}?schema=hookline`)).toEqual(ALL);
  await withClient(url, async (client) => {
    const { rows } = await client.query(
      "SELECT to_regclass('hookline.lane_due') IS NOT NULL AS ours, to_regclass('public.lane_due') AS theirs",
    );
    expect(rows[0]).toEqual({ ours: true, theirs: null });
  });
});

test("B4 a role without CREATE: Postgres's sentence and what to grant, nothing written; after the GRANT it goes on", async () => {
  const url = await emptyDatabase();
  const role = `hookline_poor_${Math.random().toString(36).slice(2)}`;
  await asAdmin(`CREATE ROLE ${role} LOGIN PASSWORD 'poor'`);
  const poor = new URL(url);
  poor.username = role;
  poor.password = "poor";
  try {
    await expect(migrate(poor.href)).rejects.toThrow(
      new RegExp(`permission denied for schema public.*GRANT CREATE, USAGE ON SCHEMA "public" TO "${role}"`),
    );
    await withClient(url, (client) => client.query(`GRANT CREATE, USAGE ON SCHEMA public TO ${role}`));
    await expect(migrate(poor.href)).rejects.toThrow(/permission denied to create the schema hookline_queue.*GRANT CREATE ON DATABASE/);
    await withClient(url, (client) => client.query(`CREATE SCHEMA hookline_queue AUTHORIZATION ${role}`));
    expect(await migrate(poor.href)).toEqual(ALL);
  } finally {
    await asAdmin(`DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
    await asAdmin(`DROP ROLE ${role}`);
  }
});
