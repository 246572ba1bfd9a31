/** The password of the embedded Postgres, in a file of its owner alone; and a new one for a cluster whose file was lost. */
import { randomBytes } from "node:crypto";
import { chmodSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileReason } from "../config/folder.ts";
import { type Programs, type RunAs, run } from "./binaries.ts";
import { USER } from "./make.ts";
import { giveToFolder } from "./owner.ts";
import { EmbeddedError } from "./refusal.ts";

export const passwordFile = (folder: string) => path.join(folder, "postgres.password");

/** Undefined when the file is missing or empty. */
export function readPassword(folder: string): string | undefined {
  try {
    return readFileSync(passwordFile(folder), "utf8").trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new EmbeddedError(`${passwordFile(folder)} cannot be read: ${fileReason(error)}`, { cause: error });
  }
}

export const newPassword = () => randomBytes(24).toString("base64url");

/** Whole or not at all. */
export function writePassword(folder: string, password: string): void {
  try {
    writeFileSync(`${passwordFile(folder)}.new`, `${password}\n`, { mode: 0o600 });
    giveToFolder(`${passwordFile(folder)}.new`);
    renameSync(`${passwordFile(folder)}.new`, passwordFile(folder));
  } catch (error) {
    throw new EmbeddedError(`${passwordFile(folder)} cannot be written: ${fileReason(error)}`, { cause: error });
  }
}

/** Files that hold secrets are for their owner alone. @returns what was mended, for the log */
export function tightenSecrets(folder: string): string[] {
  if (process.platform === "win32") return [];
  return ["postgres.password", "master.key", "admin.token"].flatMap((name) => {
    const file = path.join(folder, name);
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats || (stats.mode & 0o077) === 0) return [];
    try {
      chmodSync(file, 0o600);
      return [`${file} could be read by other users; now by its owner alone (mode 0600)`];
    } catch {
      return [`${file} can be read by other users: chmod 600 it`];
    }
  });
}

/**
 * Gives a cluster that no server runs on this password, through Postgres's single-user mode: who may write its files needs
 * no password. @throws EmbeddedError
 */
export async function setPassword(cluster: string, password: string, programs: Programs, runAs: RunAs | undefined): Promise<void> {
  // The password is base64url or what the file says: quoted as SQL text, on one line, as single-user mode reads it.
  const sql = `ALTER ROLE ${USER} LOGIN SUPERUSER PASSWORD '${password.replaceAll("'", "''")}'\n`;
  const { code, output } = await run([...(runAs?.prefix ?? []), programs.postgres, "--single", "-D", cluster, "postgres"], { input: sql });
  const mistake = /(?:ERROR|FATAL|PANIC):\s*(.*)/.exec(output)?.[1];
  if (code === 0 && mistake === undefined) return;
  throw new EmbeddedError(`the password of ${cluster} cannot be set anew: ${mistake ?? output.slice(-500)}`);
}
