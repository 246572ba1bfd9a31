/**
 * Brings a database to this version: the pending migrations, one process at a time. Prisma's own record table, so that its
 * tools show what is applied. A start that was killed is gone on with by the next one.
 */
import { readDatabaseUrl } from "../database-url.ts";
import { applyMigration, type MigrationProgress } from "./migrations/apply.ts";
import { explained } from "./migrations/explain.ts";
import { readMigrations } from "./migrations/folder.ts";
import { checkAlone, checkOurs, checkSchema, makeSchema, refuseNewer } from "./migrations/guard.ts";
import { healWhole } from "./migrations/heal.ts";
import { readMarks, readRecord } from "./migrations/record.ts";
import { checkSessions } from "./probe.ts";
import { installQueues, noteHolder } from "./queue-install.ts";
import { checkQueues, findQueueSchema } from "./queue-schema.ts";
import { DatabaseRefusal } from "./refusal.ts";
import { LONG_PROFILE } from "./session.ts";
import { clientConfig, SessionClient } from "./session-client.ts";
import { raiseWall } from "./wall/raise.ts";
import { becomeOwner } from "./wall/roles.ts";
import { readWall, type Wall } from "./wall/state.ts";

export type { MigrationProgress } from "./migrations/apply.ts";

/** Advisory; any fixed number: processes that start together migrate one after the other. The same as 0.1's. */
export const MIGRATION_LOCK = 4_665_728_101;

export interface MigrateOptions {
  /** Of the migrations, for tests. */
  folder?: string;
  /** HOOKLINE_QUEUE_SCHEMA. */
  queueSchema?: string | undefined;
  onProgress?: (progress: MigrationProgress) => void;
  /** Another process migrates: this one waits until it is done. */
  onWait?: () => void;
  /** Nothing can stand between us and Postgres, as with the embedded one: no pooler is looked for. */
  direct?: boolean;
  /** Told in one sentence what works, and had better be otherwise. */
  onWarning?: (warning: string) => void;
  /** Whether Postgres has room for the connections of those who start: asked before anything is written. */
  checkRoom?: () => Promise<void>;
  /** Ends what is under way; a step that was not done is rolled back, and done by the next start. */
  signal?: AbortSignal | undefined;
}

async function connected<T>(url: string, signal: AbortSignal | undefined, work: (client: SessionClient) => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  const client = new SessionClient(clientConfig({ url, purpose: "migrate", profile: LONG_PROFILE }));
  await client.connect();
  const cancel = () => void cancelOn(url, client);
  signal?.addEventListener("abort", cancel);
  try {
    return await work(client);
  } catch (error) {
    signal?.throwIfAborted();
    throw await explained(client, undefined, "", error).catch(() => error);
  } finally {
    signal?.removeEventListener("abort", cancel);
    await client.end().catch(() => undefined);
  }
}

/** A cut connection would leave its statement running on the server, and the lock held, until that is done. */
async function cancelOn(url: string, { processID }: SessionClient & { processID?: number | null }): Promise<void> {
  const canceller = new SessionClient(clientConfig({ url, purpose: "migrate" }));
  await canceller
    .connect()
    .then(() => canceller.query("SELECT pg_cancel_backend($1::int)", [processID]))
    .catch(() => undefined);
  await canceller.end().catch(() => undefined);
}

async function takeLock(client: SessionClient, onWait: (() => void) | undefined): Promise<void> {
  const { rows } = (await client.query("SELECT pg_try_advisory_lock($1) AS taken", [MIGRATION_LOCK])) as { rows: { taken: boolean }[] };
  if (rows[0]?.taken) return;
  onWait?.();
  await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
}

const BETTER = "CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0 makes one that does";

/** SQL_ASCII takes every byte, and others hold some texts: an installation that is there goes on. */
async function checkEncoding(client: SessionClient, isNew: boolean, warn: MigrateOptions["onWarning"]): Promise<void> {
  const { rows } = (await client.query("SHOW server_encoding")) as { rows: { server_encoding: string }[] };
  const encoding = rows[0]?.server_encoding;
  if (encoding === "UTF8") return;
  if (encoding === "SQL_ASCII")
    return warn?.(
      `the encoding of this database is SQL_ASCII, which does not count characters, and knows no case of letters, beyond ASCII. ${BETTER}`,
    );
  const sentence = `the encoding of this database is ${encoding}, which does not hold every text that clients send: Hookline needs UTF8. ${BETTER}, for DATABASE_URL`;
  if (isNew) throw new DatabaseRefusal(sentence);
  warn?.(`${sentence}; \`hookline backup\` and \`hookline restore\` move what is here`);
}

export interface Prepared {
  /** The migrations applied now, by name. */
  applied: string[];
  wall: Wall;
}

/**
 * Migrates, and says whether the second wall stands then: on one session, since each takes 0.07 s of a start.
 * @throws DatabaseRefusal one sentence that names the right or the setting, and the mend; what was begun is rolled back
 */
export async function prepareDatabase(url: string, options: MigrateOptions = {}): Promise<Prepared> {
  const { signal } = options;
  if (!options.direct) await checkSessions(url);
  await options.checkRoom?.();
  return connected(url, signal, async (client) => {
    await takeLock(client, options.onWait);
    await becomeOwner(client);
    const migrations = await readMigrations(options.folder);
    const { schema } = readDatabaseUrl(url);
    // Nobody else writes it, by the lock; and each migration writes its own row only.
    const rows = (await readRecord(client)) ?? [];
    // Everything that can be refused is, before the first write.
    await checkEncoding(client, rows.length === 0, options.onWarning);
    await checkSchema(client, schema, "our tables");
    await checkOurs(client, rows, migrations);
    refuseNewer(rows, migrations);
    const queueSchema = await findQueueSchema(client, schema, options.queueSchema);
    if (queueSchema === schema)
      throw new DatabaseRefusal(`HOOKLINE_QUEUE_SCHEMA is ${schema}, where our own tables are: name another schema`);
    await checkSchema(client, queueSchema, "jobs");
    await checkQueues(client, queueSchema, schema);
    await makeSchema(client, schema);
    const applied: string[] = [];
    for (const migration of migrations) {
      signal?.throwIfAborted();
      const row = rows.find((one) => one.name === migration.name);
      if (row?.finishedAt) continue;
      // On a database that this very run made nobody else can be.
      if (migration.alone && applied.length === 0) await checkAlone(client, migration.name);
      if (row && (await healWhole(client, migration, row))) continue;
      const begun = migration.plan.kind === "steps" ? row?.id : undefined;
      await applyMigration(client, migration, begun, { tell: options.onProgress ?? (() => undefined), signal });
      applied.push(migration.name);
    }
    await client.query("RESET ROLE");
    await makeSchema(client, queueSchema);
    // Twice: jobs' tables are made by whoever owns ours by then.
    await raiseWall(client, schema, queueSchema);
    if (await installQueues(client, queueSchema)) await raiseWall(client, schema, queueSchema);
    await noteHolder(client, queueSchema, schema);
    return { applied, wall: await readWall(client, schema, queueSchema) };
  });
}

/** @returns the names of the migrations applied now @throws as `prepareDatabase` */
export const migrate = async (url: string, options?: MigrateOptions): Promise<string[]> => (await prepareDatabase(url, options)).applied;

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
  return connected(url, undefined, async (client) => {
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

/** Whether the second wall stands; writes nothing. */
export function wallStatus(url: string, options: Pick<MigrateOptions, "queueSchema"> = {}): Promise<Wall> {
  const { schema } = readDatabaseUrl(url);
  return connected(url, undefined, async (client) => readWall(client, schema, await findQueueSchema(client, schema, options.queueSchema)));
}
