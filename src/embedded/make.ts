/**
 * Makes a cluster. It is made in a folder of its own, `making-…`, and gets its name only when it is whole: so a cluster
 * that has its name was never left half made, and what a killed run left behind is told from it.
 */
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileReason } from "../config/folder.ts";
import { type Programs, type RunAs, run } from "./binaries.ts";
import type { Process } from "./lock.ts";
import { isSame, startOf } from "./processes.ts";
import { EmbeddedError } from "./refusal.ts";

const PREFIX = "making-";
const MARKER = "UNFINISHED";
const PATIENCE_MS = 5_000;

export const USER = "hookline";

/** Postgres writes it when a server first runs on a cluster, and never removes it: without it nothing was ever stored. */
const EVER_SERVED = "postmaster.opts";

export interface MakeOptions {
  /** `<data folder>/postgres` */
  home: string;
  cluster: string;
  password: string;
  programs: Programs;
  runAs: RunAs | undefined;
  signal?: AbortSignal | undefined;
  /** Of initdb, where the programs are not the ones that come along. */
  locale?: readonly string[];
  /** initdb runs. */
  launched?: (() => void) | undefined;
}

/** Text sorts by its bytes, as with C; letters beyond ASCII have a case. Postgres's own, so that no machine's library changes an index. */
const LOCALE = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];

/** @throws EmbeddedError; what was made by then is removed again */
export async function makeCluster({
  home,
  cluster,
  password,
  programs,
  runAs,
  signal,
  launched,
  locale = LOCALE,
}: MakeOptions): Promise<void> {
  const making = path.join(home, `${PREFIX}${process.pid}-${Date.now()}`);
  const fresh = path.join(making, "data");
  const handover = path.join(making, "password");
  try {
    mkdirSync(making, { mode: 0o700 });
    writeFileSync(path.join(making, MARKER), "An unfinished cluster, which holds no data; the next start removes it.\n");
    writeFileSync(handover, password, { mode: 0o600 });
    if (runAs) for (const file of [making, handover]) chownSync(file, runAs.uid, runAs.gid);
    const words = [...(runAs?.prefix ?? []), programs.initdb, "-D", fresh, "-U", USER, "--auth=scram-sha-256", `--pwfile=${handover}`];
    const made = await run([...words, ...locale], {
      signal,
      // So that the next start can end it, should this process be killed meanwhile.
      started: (pid) => {
        writeFileSync(path.join(making, "initdb.json"), JSON.stringify({ pid, started: startOf(pid) }));
        launched?.();
      },
    });
    signal?.throwIfAborted();
    if (made.code !== 0) {
      const words = lastWords(made.output);
      throw new EmbeddedError(`the cluster cannot be made: ${FULL.test(words) ? `${home}: the disk is full; ` : ""}${words}`);
    }
    // An empty folder may stand there.
    if (existsSync(cluster)) rmdirSync(cluster);
    renameSync(fresh, cluster);
  } catch (error) {
    removeMade(making);
    if (error instanceof EmbeddedError || signal?.aborted) throw error;
    throw new EmbeddedError(`the cluster cannot be made in ${home}: ${fileReason(error)}`, { cause: error });
  }
  removeMade(making);
}

/**
 * The marker goes last: what a kill, or an initdb that still writes, leaves of it is known the next time, when it is tried again;
 * it is in nobody's way.
 */
function removeMade(making: string): void {
  try {
    for (const name of readdirSync(making)) {
      if (name !== MARKER) rmSync(path.join(making, name), { recursive: true, force: true, maxRetries: 5 });
    }
    rmSync(path.join(making, MARKER), { force: true });
    rmdirSync(making);
  } catch {}
}

/** Postgres says it in one of these ways, by how far a write came. */
const FULL = /No space left on device|could not (extend|write to) file .*wrote only/i;

function lastWords(output: string): string {
  const lines = output.trim().split("\n");
  // A write that ends in its midst is all that Postgres says of some full disks.
  const full = /wrote only \d+ of \d+ bytes/.test(output) ? "the disk is full: " : "";
  return (
    full +
      lines
        .filter((line) => /error|could not|FATAL|PANIC/i.test(line))
        .slice(-3)
        .join("; ") || lines.slice(-3).join("; ")
  ).slice(-1000);
}

/**
 * Removes what killed runs left unfinished, and nothing else: a folder with our name and marker in which no server ever
 * ran. The caller holds the lock, so none of it is another run's.
 */
export async function clearUnfinished(home: string): Promise<void> {
  for (const name of readdirSync(home).filter((each) => each.startsWith(PREFIX))) {
    const making = path.join(home, name);
    if (existsSync(path.join(making, "data", EVER_SERVED))) continue;
    if (existsSync(path.join(making, MARKER))) {
      await endInitdb(making);
      removeMade(making);
      continue;
    }
    // Killed before it had written the marker, or after it had removed it: an empty folder is nobody's.
    try {
      rmdirSync(making);
    } catch {}
  }
}

async function endInitdb(making: string): Promise<void> {
  let initdb: Process;
  try {
    initdb = JSON.parse(readFileSync(path.join(making, "initdb.json"), "utf8")) as Process;
  } catch {
    return;
  }
  for (const deadline = Date.now() + PATIENCE_MS; initdb.started !== undefined && isSame(initdb); await sleep(20)) {
    if (Date.now() > deadline) return;
    process.kill(initdb.pid, "SIGTERM");
  }
}

/**
 * Hookline 0.1 made the cluster in its place, with the file `initdb.password` beside it for as long as initdb ran. A
 * killed one left both: never served, so without data.
 */
export function clearUnfinished01(home: string, cluster: string): boolean {
  const handover = path.join(home, "initdb.password");
  if (!existsSync(handover)) return false;
  const unfinished = existsSync(cluster) && !existsSync(path.join(cluster, EVER_SERVED));
  if (unfinished) rmSync(cluster, { recursive: true, force: true });
  rmSync(handover, { force: true });
  return unfinished;
}
