/**
 * A backup into an empty schema. The file is read twice: first to its end, so that a damaged one changes nothing; then into
 * the tables that the migrations made, in one transaction.
 */
import { once } from "node:events";
import { from as copyFrom } from "pg-copy-streams";
import type { MasterKey } from "../config.ts";
import { readDatabaseUrl } from "../database-url.ts";
import { MIGRATION_LOCK, migrate } from "../db/migrate.ts";
import { readMigrations } from "../db/migrations/folder.ts";
import { identifier, LONG_PROFILE } from "../db/session.ts";
import { clientConfig, SessionClient } from "../db/session-client.ts";
import { becomeOwner } from "../db/wall/roles.ts";
import type { Progress } from "./backup.ts";
import { BackupFileError, readFrames } from "./frames.ts";
import { fingerprint, type Header, headerOf } from "./header.ts";
import { readTables, type Sequence, type Table } from "./tables.ts";

export interface Summary {
  header: Header;
  tables: Progress[];
}

/** Reads the whole file. @throws BackupFileError */
export async function verify(file: string, onProgress?: (progress: Progress) => void): Promise<Summary> {
  let header: Header | undefined;
  const tables: Progress[] = [];
  for await (const frame of readFrames(file)) {
    if (frame.kind === "H") header = headerOf(frame, file);
    if (frame.kind === "E") {
      const table = JSON.parse(frame.payload.toString()) as Progress;
      tables.push(table);
      onProgress?.(table);
    }
  }
  return { header: header as Header, tables };
}

export interface RestoreOptions {
  url: string;
  file: string;
  keys: readonly MasterKey[];
  /** Where the keys come from, for the message. */
  keysFrom: string;
  /** HOOKLINE_QUEUE_SCHEMA. */
  queueSchema?: string | undefined;
  onProgress?: (progress: Progress) => void;
}

/** Compares the file with this installation, before anything is written. @throws BackupFileError */
export async function checkFits({ header }: Summary, options: Pick<RestoreOptions, "file" | "keys" | "keysFrom">): Promise<void> {
  const have = new Set(options.keys.map(fingerprint));
  if (!header.keys.every((key) => have.has(key)))
    throw new BackupFileError(
      `${options.file} was made with another master key than ${options.keysFrom}: without it the secrets in it open no more. Put the key there that the server had (${header.keys.length > 1 ? "all of them" : "its fingerprint"}: ${header.keys.join(", ")})`,
    );
  const ours = (await readMigrations()).map((migration) => migration.name);
  const same = ours.length === header.migrations.length && ours.every((name) => header.migrations.includes(name));
  if (!same)
    throw new BackupFileError(
      `${options.file} was made by Hookline ${header.hookline}, whose tables are others: restore it with that version, then start this one, which migrates them`,
    );
}

async function session<T>(url: string, work: (client: SessionClient) => Promise<T>): Promise<T> {
  const client = new SessionClient(clientConfig({ url, purpose: "restore", profile: LONG_PROFILE }));
  await client.connect();
  try {
    await becomeOwner(client);
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @throws BackupFileError when the schema is not empty, or the file does not fit it; nothing is left then */
export async function restore(options: RestoreOptions): Promise<Progress[]> {
  const summary = await verify(options.file);
  await checkFits(summary, options);
  const { url } = options;
  const { schema } = readDatabaseUrl(url);
  // No session of ours is open while migrations run: some want to be alone, such as the one that an interrupted restore had begun.
  await session(url, (client) => checkEmpty(client, schema));
  await migrate(url, { queueSchema: options.queueSchema });
  return session(url, (client) => fill(client, schema, options));
}

async function fill(client: SessionClient, schema: string, options: RestoreOptions): Promise<Progress[]> {
  // Any server that starts meanwhile waits until this is done, and so does another restore.
  await client.query("SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
  // It may have changed whose the tables are.
  await becomeOwner(client);
  await client.query("BEGIN");
  let done: Progress[];
  try {
    // One that had waited for the same lock may have begun to serve, or been restored, before us: what is there is not ours to empty.
    await client.query(`LOCK TABLE ${identifier(schema)}.organization IN ACCESS EXCLUSIVE MODE`);
    await checkEmpty(client, schema);
    done = await load(client, schema, options);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
  for (const { table } of done) await client.query(`ANALYZE ${identifier(schema)}.${identifier(table)}`);
  return done;
}

/** Empty, or migrated and never started: what an interrupted restore leaves. */
async function checkEmpty(client: SessionClient, schema: string): Promise<void> {
  const { rows } = (await client.query(
    `SELECT (SELECT count(*)::int FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')) AS objects,
       to_regclass($1 || '.organization') IS NOT NULL AND to_regclass($1 || '._prisma_migrations') IS NOT NULL AS ours`,
    [identifier(schema)],
  )) as { rows: { objects: number; ours: boolean }[] };
  const found = rows[0];
  if (!found || found.objects === 0) return;
  if (found.ours) {
    const used = await client.query(`SELECT 1 FROM ${identifier(schema)}.organization LIMIT 1`);
    if (used.rowCount === 0) return;
  }
  throw new BackupFileError(
    `the schema ${schema} is not empty: restore into an empty database, or an empty HOOKLINE_DATABASE_SCHEMA; with the embedded Postgres, into a new HOOKLINE_DATA_DIR`,
  );
}

async function load(client: SessionClient, schema: string, options: RestoreOptions): Promise<Progress[]> {
  const tables = await readTables(client, schema);
  const place = (name: string) => `${identifier(schema)}.${identifier(name)}`;
  // Counters and versions come with the rows: triggers would count them once more. COPY is not for tables whose policies bind us.
  const guarded = await guardedTables(client, schema);
  for (const { name } of tables) await client.query(`ALTER TABLE ${place(name)} DISABLE TRIGGER USER`);
  for (const name of guarded) await client.query(`ALTER TABLE ${place(name)} NO FORCE ROW LEVEL SECURITY`);
  await client.query(`TRUNCATE ${tables.map(({ name }) => place(name)).join(", ")}`);
  const known = new Map(tables.map((table) => [table.name, table]));
  const done: Progress[] = [];
  let stream: ReturnType<typeof openCopy> | undefined;
  for await (const { kind, payload } of readFrames(options.file)) {
    if (kind === "T") {
      const table = JSON.parse(payload.toString()) as Omit<Table, "outside">;
      const here = known.get(table.name);
      if (!here || table.columns.some((column) => !here.columns.includes(column)))
        throw new BackupFileError(`${options.file} holds a table ${table.name} that this version does not have as it is there`);
      if (table.partitions) await makePartitions(client, place, here, table);
      stream = openCopy(client, `COPY ${place(table.name)} (${table.columns.map(identifier).join(", ")}) FROM STDIN`);
    } else if (kind === "D") await stream?.write(payload);
    else if (kind === "E") {
      await stream?.end();
      const progress = JSON.parse(payload.toString()) as Progress;
      done.push(progress);
      options.onProgress?.(progress);
    } else if (kind === "S") {
      for (const { name, last } of JSON.parse(payload.toString()) as Sequence[]) {
        if (last !== null) await client.query("SELECT setval(to_regclass($1), $2::bigint)", [place(name), last]);
      }
    }
  }
  for (const { name } of tables) await client.query(`ALTER TABLE ${place(name)} ENABLE TRIGGER USER`);
  for (const name of guarded) await client.query(`ALTER TABLE ${place(name)} FORCE ROW LEVEL SECURITY`);
  return done;
}

async function guardedTables(client: SessionClient, schema: string): Promise<string[]> {
  const { rows } = (await client.query(
    `SELECT relname::text AS name FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relforcerowsecurity`,
    [identifier(schema)],
  )) as { rows: { name: string }[] };
  return rows.map((row) => row.name);
}

/** The empty ones that the migrations made go, and those of the file take their place. */
async function makePartitions(
  client: SessionClient,
  place: (name: string) => string,
  here: Table,
  table: Pick<Table, "name" | "partitions">,
): Promise<void> {
  for (const { name } of here.partitions ?? []) await client.query(`DROP TABLE ${place(name)}`);
  for (const { name, bound, options } of table.partitions ?? []) {
    const settings = options.length === 0 ? "" : ` WITH (${options.join(", ")})`;
    await client.query(`CREATE TABLE ${place(name)} PARTITION OF ${place(table.name)} ${bound}${settings}`);
    await client.query("SELECT guard_partition($1::regclass, $2::regclass)", [place(table.name), place(name)]);
  }
}

function openCopy(client: SessionClient, statement: string) {
  const sink = client.query(copyFrom(statement));
  const finished = new Promise<void>((resolve, reject) => {
    sink.once("finish", resolve);
    sink.once("error", reject);
  });
  finished.catch(() => undefined);
  return {
    async write(bytes: Buffer): Promise<void> {
      if (!sink.write(bytes)) await Promise.race([once(sink, "drain"), finished]);
    },
    async end(): Promise<void> {
      sink.end();
      await finished;
    },
  };
}
