/** `hookline backup` and `hookline restore`. */
import { lstat, stat } from "node:fs/promises";
import path from "node:path";
import { backup, type Progress } from "../backup/backup.ts";
import { checkFits, restore, type Summary, verify } from "../backup/restore.ts";
import type { Config } from "../config.ts";
import { keptKeys, masterKeys } from "../db/keys.ts";
import { VERSION } from "../wire/user-agent.ts";
import { onInstallation } from "./direct.ts";
import { CliError } from "./fault.ts";
import { onDatabase } from "./on-database.ts";

const EVERY_MS = 1_000;

/** A line a second on standard error. */
function reporter(note: (text: string) => void): (progress: Progress) => void {
  let last = performance.now();
  return ({ table, rows, bytes }) => {
    if (performance.now() - last < EVERY_MS) return;
    last = performance.now();
    note(`${table}: ${rows} rows, ${Math.ceil(bytes / 2 ** 20)} MiB`);
  };
}

const keysFrom = (config: Readonly<Config>) => (config.masterKeys ? "HOOKLINE_MASTER_KEY" : path.join(config.dataDir, "master.key"));

export async function backupTo(config: Readonly<Config>, file: string, force: boolean, note: (text: string) => void): Promise<Progress[]> {
  const found = await lstat(file).catch(() => undefined);
  if (found && !force) throw new CliError(`${file} exists: name another file, or say --force`);
  if (found && !found.isFile()) throw new CliError(`${file} is no plain file`);
  const place = await stat(path.dirname(path.resolve(file))).catch(() => undefined);
  if (!place?.isDirectory()) throw new CliError(`the folder of ${file} does not exist`);
  const keys = await keptKeys(config);
  const onForeignKeys = () =>
    note(
      `warning: ${keysFrom(config)} ${keys.length > 0 ? "opens none of the stored secrets" : "is missing"}: ${file} names no master key; whoever restores it needs the one that the secrets were sealed with`,
    );
  return onInstallation(config, "backup", (url) =>
    backup({ url, file: path.resolve(file), keys, version: VERSION, now: new Date(), onForeignKeys, onProgress: reporter(note) }),
  );
}

/** @throws CliError when the file cannot be read */
async function checked(file: string): Promise<string> {
  const found = await lstat(file).catch(() => undefined);
  if (!found) throw new CliError(`${file} does not exist`);
  return path.resolve(file);
}

/** Reads the file to its end, and writes nothing. */
export async function verifyFile(file: string): Promise<Summary> {
  return verify(await checked(file));
}

/** Into DATABASE_URL, or the embedded Postgres of the data folder, which is made. */
export async function restoreFrom(config: Readonly<Config>, file: string, note: (text: string) => void): Promise<Progress[]> {
  const from = await checked(file);
  const fits = {
    file: from,
    keys: await masterKeys(config),
    keysFrom: keysFrom(config),
  };
  await checkFits(await verify(from), fits);
  return onDatabase(config, "restore", (url) => restore({ url, ...fits, queueSchema: config.queueSchema, onProgress: reporter(note) }));
}
