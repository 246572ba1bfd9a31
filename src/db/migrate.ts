/**
 * Brings a database to this version: the pending migrations, one process at a time. Same folder and record table as
 * Prisma's CLI. A start that was killed is gone on with by the next one.
 */
import { readDatabaseUrl } from "../database-url.ts";
import { applyMigration, type MigrationProgress } from "./migrations/apply.ts";
import { type Migration, readMigrations } from "./migrations/folder.ts";
import { checkAlone, checkEmpty, checkQueueSchema, ensureSchema } from "./migrations/guard.ts";
import { healWhole } from "./migrations/heal.ts";
import { type MigrationRow, readMarks, readRecord } from "./migrations/record.ts";
import { findQueueSchema } from "./queue-schema.ts";
import { DatabaseRefusal } from "./refusal.ts";
import { CHORE_PROFILE } from "./session.ts";
import { clientConfig, SessionClient } from "./session-client.ts";

export type { MigrationProgress } from "./migrations/apply.ts";

/** Any fixed number: processes that start together migrate one after the other. The same as 0.1's. */
const LOCK = 4_665_728_101;

export interface MigrateOptions {
  /** Of the migrations, for tests. */
  folder?: string;
  onProgress?: (progress: MigrationProgress) => void;
}

async function connected<T>(url: string, work: (client: SessionClient) => Promise<T>): Promise<T> {
  const client = new SessionClient(clientConfig({ url, purpose: "migrate", profile: CHORE_PROFILE }));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function refuseNewer(rows: readonly MigrationRow[], migrations: readonly Migration[]): void {
  const unknown = rows.find((row) => !migrations.some((migration) => migration.name === row.name));
  if (unknown)
    throw new DatabaseRefusal(
      `the database is of a newer Hookline than this one (it has the migration ${unknown.name}): start that version, or a newer one; to go back, restore a backup`,
    );
}

/**
 * @returns the names of the migrations applied now
 * @throws DatabaseRefusal one sentence that names the right or the setting, and the mend; what was begun is rolled back
 */
export function migrate(url: string, options: MigrateOptions = {}): Promise<string[]> {
  return connected(url, async (client) => {
    await client.query("SELECT pg_advisory_lock($1)", [LOCK]);
    const migrations = await readMigrations(options.folder);
    const { schema } = readDatabaseUrl(url);
    await ensureSchema(client, schema);
    let rows = await readRecord(client);
    if (rows === undefined || rows.length === 0) await checkEmpty(client);
    await checkQueueSchema(client, await findQueueSchema(client, schema));
    refuseNewer(rows ?? [], migrations);
    const applied: string[] = [];
    for (const migration of migrations) {
      rows = await readRecord(client);
      const row = rows?.find((one) => one.name === migration.name);
      if (row?.finishedAt) continue;
      if (row && (await healWhole(client, migration, row))) continue;
      // On a database that this very run made nobody else can be.
      if (migration.alone && applied.length === 0) await checkAlone(client, migration.name);
      const begun = migration.plan.kind === "steps" ? row?.id : undefined;
      await applyMigration(client, migration, begun, options.onProgress ?? (() => undefined));
      applied.push(migration.name);
    }
    return applied;
  });
}

export interface MigrationStatus {
  name: string;
  state: "APPLIED" | "PENDING" | "BEGUN" | "UNKNOWN";
  appliedAt: string | null;
  /** Of a stepwise one. */
  steps?: { done: number; of: number };
  /** What a reader should know: a changed text, a start that was killed. */
  note?: string;
}

/** What is applied and what is pending; writes nothing. */
export function migrationStatus(url: string, options: Pick<MigrateOptions, "folder"> = {}): Promise<MigrationStatus[]> {
  return connected(url, async (client) => {
    const migrations = await readMigrations(options.folder);
    const rows = (await readRecord(client)) ?? [];
    const known: MigrationStatus[] = [];
    for (const { name, checksum, plan } of migrations) {
      const row = rows.find((one) => one.name === name);
      const steps =
        plan.kind === "steps"
          ? { steps: { done: (await readMarks(client, name)).filter((one) => one.finished).length, of: plan.steps.length } }
          : {};
      const state = row === undefined ? "PENDING" : row.finishedAt ? "APPLIED" : "BEGUN";
      const note =
        state === "BEGUN"
          ? "a start was ended in its midst; the next one goes on"
          : row && row.checksum !== checksum
            ? "its text is not the one that was applied"
            : undefined;
      known.push({ name, state, appliedAt: row?.finishedAt?.toISOString() ?? null, ...steps, ...(note && { note }) });
    }
    const others = rows.filter((row) => !migrations.some((migration) => migration.name === row.name));
    for (const row of others)
      known.push({
        name: row.name,
        state: "UNKNOWN",
        appliedAt: row.finishedAt?.toISOString() ?? null,
        note: "of a newer Hookline than this one",
      });
    return known;
  });
}
