/**
 * Which copy of a cluster a data folder holds. One that is put back from a copy hands numbers out a second time, as any restored
 * database does, and nothing in it tells: all of it is as it was. But its files were made later than those that were copied. The time
 * when its control file was made, which Postgres writes where it stands, is noted beside the cluster, and compared at a start.
 * A snapshot of the disk keeps that time, too: docs/operations.md.
 */
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileReason } from "../config/folder.ts";
import { giveToFolder } from "./owner.ts";
import { EmbeddedError } from "./refusal.ts";

export interface Copy {
  /**
   * The cluster is another copy than the one that was kept here last, or somebody wrote a word into the note to say so. False where nothing
   * is noted, or the disk tells no such times.
   */
  isNew(): boolean;
  /** From now on this one is. */
  keep(): void;
}

const noteOf = (folder: string) => path.join(folder, "postgres.copy");

function readNote(folder: string): string | undefined {
  try {
    return readFileSync(noteOf(folder), "utf8").trim();
  } catch {
    return undefined;
  }
}

/** In nanoseconds since 1970. Where nobody knows, Linux says 0, or when the file was last changed. */
function madeAt(cluster: string): string | undefined {
  const stats = statSync(path.join(cluster, "global/pg_control"), { bigint: true, throwIfNoEntry: false });
  return stats && stats.birthtimeNs > 0n && stats.birthtimeNs !== stats.ctimeNs ? String(stats.birthtimeNs) : undefined;
}

/** @param cluster its server runs: it has written the control file by then */
export const copyIn = (folder: string, cluster: string): Copy => ({
  isNew() {
    const [noted, made] = [readNote(folder), madeAt(cluster)];
    return noted !== undefined && noted !== made && (made !== undefined || !/^\d+$/.test(noted));
  },
  keep() {
    const made = madeAt(cluster) ?? "0";
    if (readNote(folder) === made) return;
    const file = noteOf(folder);
    try {
      writeFileSync(`${file}.new`, `${made}\n`, { mode: 0o600 });
      giveToFolder(`${file}.new`);
      renameSync(`${file}.new`, file);
    } catch (error) {
      throw new EmbeddedError(`${file} cannot be written: ${fileReason(error)}`, { cause: error });
    }
  },
});
