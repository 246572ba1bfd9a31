/**
 * Everything in our tables, as of one moment, in one file, while servers go on: COPY of each table in one REPEATABLE READ
 * snapshot. Jobs of pg-boss are left out: they are hints and mails, and lanes are looked through without them.
 */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { to as copyTo } from "pg-copy-streams";
import type { MasterKey } from "../config.ts";
import { readDatabaseUrl } from "../database-url.ts";
import { opensStored } from "../db/keys.ts";
import { readRecord } from "../db/migrations/record.ts";
import { identifier, LONG_PROFILE } from "../db/session.ts";
import { clientConfig, SessionClient } from "../db/session-client.ts";
import { becomeOwner } from "../db/wall/roles.ts";
import { createVault } from "../vault.ts";
import { BackupFileError, createFrameWriter, type FrameWriter } from "./frames.ts";
import { FORMAT, fingerprint, type Header } from "./header.ts";
import { readSequences, readTables, type Table } from "./tables.ts";

export interface Progress {
  table: string;
  rows: number;
  bytes: number;
}

export interface BackupOptions {
  url: string;
  /** Replaced only once the new one is whole. */
  file: string;
  /** Those at hand: named in the file when they open what is stored. */
  keys: readonly MasterKey[];
  /** Secrets are stored, and no key at hand opens one: the file names none. */
  onForeignKeys?: () => void;
  version: string;
  now: Date;
  onProgress?: (progress: Progress) => void;
}

/** @returns each table's rows and bytes. @throws BackupFileError when there is nothing to back up */
export async function backup(options: BackupOptions): Promise<Progress[]> {
  const client = new SessionClient(clientConfig({ url: options.url, purpose: "backup", profile: LONG_PROFILE }));
  await client.connect();
  // A name of its own: another backup to the same file is not ours to write into, nor to put in the file's place.
  const partial = `${options.file}.${randomUUID().slice(0, 8)}.partial`;
  // Who ends this process by way of `exit` leaves nothing of it either.
  const atExit = () => rmSync(partial, { force: true });
  process.once("exit", atExit);
  const writer = createFrameWriter(partial);
  try {
    await removeLeft(options);
    const done = await write(client, options, writer);
    await writer.end();
    await rename(partial, options.file);
    return done;
  } catch (error) {
    writer.abandon();
    await rm(partial, { force: true });
    throw error;
  } finally {
    process.removeListener("exit", atExit);
    await client.end().catch(() => undefined);
  }
}

/** A backup writes without end: what nobody has written to for so long was left by one that was killed. */
const LEFT_MS = 3_600_000;

/** What cannot be looked at or removed, such as another user's, stays. */
async function removeLeft({ file, now }: BackupOptions): Promise<void> {
  const [folder, name] = [path.dirname(file), path.basename(file)];
  for (const each of await readdir(folder).catch(() => [])) {
    if (!each.startsWith(name) || !/^(\.[0-9a-f]{8})?\.partial$/.test(each.slice(name.length))) continue;
    const left = path.join(folder, each);
    const written = await stat(left).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (now.getTime() - written > LEFT_MS) await rm(left, { force: true }).catch(() => undefined);
  }
}

async function write(client: SessionClient, options: BackupOptions, writer: FrameWriter): Promise<Progress[]> {
  const { schema } = readDatabaseUrl(options.url);
  // Rows that a policy would hide are an error, and not missing from the file: the owner's policy hides none.
  if (!(await becomeOwner(client)))
    throw new BackupFileError(`the role of DATABASE_URL may not read all of the schema ${schema}: name the one that its tables belong to`);
  const isDone = ({ finishedAt }: { finishedAt: unknown }) => Boolean(finishedAt);
  if (!(await readRecord(client))?.some(isDone))
    throw new BackupFileError(`the schema ${schema} holds no Hookline: there is nothing to back up`);
  const keys = (await opensTheirs(client, options.keys)) ? options.keys : [];
  if (keys !== options.keys) options.onForeignKeys?.();
  const tables = await beginCopying(client, schema);
  const record = (await readRecord(client)) ?? [];
  const header: Header = {
    format: FORMAT,
    hookline: options.version,
    madeAt: options.now.toISOString(),
    migrations: record.filter(isDone).map((row) => row.name),
    keys: keys.map(fingerprint),
  };
  await writer.write("H", header);
  const done: Progress[] = [];
  for (const table of tables) done.push(await copy(client, schema, table, writer, options.onProgress));
  await writer.write("S", await readSequences(client, schema));
  await client.query("COMMIT");
  return done;
}

const UNDEFINED_TABLE = "42P01";
const UNDEFINED_COLUMN = "42703";

function opensTheirs(client: SessionClient, keys: readonly MasterKey[]): Promise<boolean> {
  const none = {
    open() {
      throw new Error("there is no key");
    },
  };
  return opensStored(client, keys.length > 0 ? createVault(keys) : none).catch((error: { code?: string }) => {
    // Tables of an older version, which are copied as they are.
    if (error.code === UNDEFINED_TABLE || error.code === UNDEFINED_COLUMN) return true;
    throw error;
  });
}

/** How often it looks anew because retention took a partition out, or dropped one, in that very moment. */
const LOOKS = 20;

/**
 * Opens the snapshot with every partition held: retention, which runs meanwhile, can neither finish a detach nor drop what is still
 * to be copied.
 */
async function beginCopying(client: SessionClient, schema: string): Promise<Table[]> {
  const place = (name: string) => `${identifier(schema)}.${identifier(name)}`;
  const held = (tables: readonly Table[]) =>
    tables.filter(({ partitions }) => partitions).flatMap(({ name, outside }) => [name, ...outside]);
  for (let look = 1; ; look++) {
    const names = held(await readTables(client, schema));
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    try {
      // The first statement that reads makes the snapshot; a lock makes none.
      if (names.length > 0) await client.query(`LOCK TABLE ${names.map(place).join(", ")} IN ACCESS SHARE MODE`);
      const tables = await readTables(client, schema);
      if (held(tables).every((name) => names.includes(name))) return tables;
    } catch (error) {
      if ((error as { code?: string }).code !== UNDEFINED_TABLE || look >= LOOKS) throw error;
    }
    await client.query("ROLLBACK");
    if (look >= LOOKS) throw new BackupFileError("partitions came and went at each look: start the backup once more");
  }
}

async function copy(
  client: SessionClient,
  schema: string,
  table: Table,
  writer: FrameWriter,
  onProgress: BackupOptions["onProgress"],
): Promise<Progress> {
  const { outside, ...told } = table;
  await writer.write("T", told);
  const columns = table.columns.map(identifier).join(", ");
  // COPY of a partitioned table itself is not for every version.
  const parts = [table.name, ...outside].map((name) => `SELECT ${columns} FROM ${identifier(schema)}.${identifier(name)}`);
  const rows = client.query(copyTo(`COPY (${parts.join(" UNION ALL ")}) TO STDOUT`));
  const progress: Progress = { table: table.name, rows: 0, bytes: 0 };
  for await (const chunk of rows as AsyncIterable<Buffer>) {
    await writer.write("D", chunk);
    progress.bytes += chunk.length;
    progress.rows += lines(chunk);
    onProgress?.(progress);
  }
  await writer.write("E", progress);
  return progress;
}

/** COPY's text form ends each row with a line feed, and has none inside. */
function lines(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count++;
  return count;
}
