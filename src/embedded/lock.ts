/**
 * One owner of a data folder at a time. The lock itself is the kernel's: SQLite takes a write lock on the empty file
 * `hookline.lock`, and the kernel lets go of it when the process ends, however it ends. So a lock is never stale, two
 * starts at the same moment cannot both win, and neither a reused pid nor a reboot nor a copied folder misleads.
 * `hookline.pid` beside it only tells people and other commands who the owner is.
 */
import { closeSync, lstatSync, openSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileReason } from "../config/folder.ts";
import { giveToFolder } from "./owner.ts";
import { isSame, startOf } from "./processes.ts";
import { EmbeddedError } from "./refusal.ts";

export interface Process {
  pid: number;
  /** processes.ts: tells a reused pid. */
  started: string | undefined;
}

/** What `hookline.pid` holds, as JSON. */
export interface Owner extends Process {
  host: string;
  /** `serve`, `migrate`, … */
  command: string;
  /** Where it answers, once it does. */
  url?: string;
  /** The Postgres that it started, or took over from an owner that was killed. */
  postgres?: Process & { port: number };
}

export interface FolderLock {
  /** Of the owner before, when it did not end in order. */
  readonly before: Owner | undefined;
  note(changes: Partial<Owner>): void;
  release(): void;
}

const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

const lockFile = (folder: string) => path.join(folder, "hookline.lock");
const ownerFile = (folder: string) => path.join(folder, "hookline.pid");

/** The owner as noted, whether or not it still runs. */
export function readOwner(folder: string): Owner | undefined {
  try {
    const owner = JSON.parse(readFileSync(ownerFile(folder), "utf8")) as Owner;
    return Number.isInteger(owner.pid) && owner.pid > 0 ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** The owner that runs now; undefined when the one noted is gone or lives on another machine. */
export function livingOwner(folder: string): Owner | undefined {
  const owner = readOwner(folder);
  return owner && owner.host === hostname() && isSame(owner) ? owner : undefined;
}

function prepare(file: string): void {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found && !found.isFile()) throw new EmbeddedError(`${file} must be a file of Hookline's own: remove what stands there`);
  // "wx" only: to close a file drops every lock that this process has on it.
  if (found) return;
  closeSync(openSync(file, "wx", 0o600));
  giveToFolder(file);
}

function take(file: string): DatabaseSync | undefined {
  const database = new DatabaseSync(file);
  try {
    // Nothing is ever written: no journal file beside it.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    const code = (error as { errcode?: number }).errcode ?? 0;
    if ((code & 0xff) === SQLITE_BUSY) return undefined;
    // Nobody has the lock, or the answer had been "busy": text in the file is of no use to anybody.
    if (code === SQLITE_NOTADB) {
      truncateSync(file);
      return take(file);
    }
    throw error;
  }
}

/** @param folder its real path. @returns undefined when another process, or another call in this one, has it */
export function acquireLock(folder: string, command: string): FolderLock | undefined {
  const file = lockFile(folder);
  let database: DatabaseSync | undefined;
  try {
    prepare(file);
    database = take(file);
  } catch (error) {
    if (error instanceof EmbeddedError) throw error;
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return acquireLock(folder, command);
    throw new EmbeddedError(`${file} cannot be locked: ${fileReason(error)}`, { cause: error });
  }
  if (!database) return undefined;
  const held = database;
  const before = readOwner(folder);
  let owner: Owner = { pid: process.pid, started: startOf(process.pid), host: hostname(), command };
  const note = (changes: Partial<Owner>) => {
    owner = { ...owner, ...changes };
    // Whole or not at all: others read it at any time.
    writeFileSync(`${ownerFile(folder)}.new`, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
    giveToFolder(`${ownerFile(folder)}.new`);
    renameSync(`${ownerFile(folder)}.new`, ownerFile(folder));
  };
  try {
    // What the former one left running stays noted until it is taken over or gone.
    note(before?.postgres ? { postgres: before.postgres } : {});
  } catch (error) {
    held.close();
    throw new EmbeddedError(`${ownerFile(folder)} cannot be written: ${fileReason(error)}`, { cause: error });
  }
  return {
    before,
    note,
    release() {
      if (!held.isOpen) return;
      rmSync(ownerFile(folder), { force: true });
      // The file stays: removing it would let two processes lock two files of one name.
      held.close();
    },
  };
}
