/**
 * Opens a folder for writing, making it when it is missing. One step at a time: `mkdir` with `recursive` never returns
 * for a path such as /proc/x. Nothing here waits, whatever the path names (a FIFO, a socket, a dangling link).
 */
import { lstatSync, mkdirSync, realpathSync, rmSync, type Stats, statSync, writeFileSync } from "node:fs";
import path from "node:path";

export type OpenedFolder = { path: string; problem?: undefined } | { problem: string };

const REASONS: Record<string, string> = {
  EACCES: "this user has no right to",
  EPERM: "this user has no right to",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOENT: "no folder can be made there",
  ENAMETOOLONG: "the path is too long",
  ELOOP: "its symbolic links go round in a circle",
};

/** `the disk is full (ENOSPC)`: an error of the file system, for people. */
export function fileReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known = code === undefined ? undefined : REASONS[code];
  return known === undefined ? message : `${known} (${code})`;
}

function kindOf(stats: Stats): string {
  if (stats.isFile()) return "a file";
  if (stats.isFIFO()) return "a FIFO";
  if (stats.isSocket()) return "a socket";
  return "a device";
}

/** @returns the real path, or one sentence that says what is wrong and what to do */
export function openFolder(given: string): OpenedFolder {
  const wanted = path.resolve(given);
  const missing: string[] = [];
  try {
    let at = wanted;
    for (; ; at = path.dirname(at)) {
      const found = existing(at);
      if (found === undefined) {
        missing.unshift(at);
        continue;
      }
      if (!found.isDirectory()) return { problem: `${at} is ${kindOf(found)}: name a folder` };
      break;
    }
    for (const each of missing) makeOne(each);
    // Root passes every access(2), so only a write tells whether a write is possible; 4 KiB, to find a full disk.
    const probe = path.join(wanted, `.write-test-${process.pid}`);
    writeFileSync(probe, Buffer.alloc(4096), { flag: "wx", mode: 0o600 });
    rmSync(probe);
    return { path: realpathSync(wanted) };
  } catch (error) {
    const doing = missing.length > 0 ? "cannot be made" : "cannot be written";
    return { problem: `${wanted} ${doing}: ${fileReason(error)}; name a folder that ${who()} may write` };
  }
}

/** Undefined when there is nothing. @throws for a dangling symbolic link, and what cannot be looked at */
function existing(at: string): Stats | undefined {
  try {
    return statSync(at);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Below a file: the file itself is found on the way up.
    if (code === "ENOTDIR") return undefined;
    if (code !== "ENOENT") throw error;
  }
  if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink()) throw new Error(`${at} is a symbolic link to nothing`);
  return undefined;
}

function makeOne(at: string): void {
  try {
    mkdirSync(at, { mode: 0o700 });
  } catch (error) {
    // Another process made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

const who = () => (process.getuid === undefined ? "this user" : `this user (uid ${process.getuid()})`);
