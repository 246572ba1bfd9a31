/** The server process: started, found running, asked, stopped. */
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { launch, type Programs, type RunAs } from "./binaries.ts";
import { giveToFolder } from "./owner.ts";
import { exists, isAlive, processesIn } from "./processes.ts";
import { EmbeddedError } from "./refusal.ts";

/** Durable as Postgres is by default; jit costs milliseconds on short queries and saves nothing on ours. */
const SETTINGS = ["jit=off", "max_wal_size=2GB", "shared_buffers=256MB"];
const CONNECTIONS = 200;
/** How long a start or a recovery may take without an answer. */
const PATIENCE_MS = 60_000;
/** How long orphaned children of a killed server may take to notice. */
const ORPHANS_MS = 10_000;
const TRIES = 3;

export interface Running {
  pid: number;
  port: number;
}

/** From Postgres's own `postmaster.pid`: pid, folder, start, port, … a line each. */
function noted(cluster: string): Running | undefined {
  let lines: string[];
  try {
    lines = readFileSync(path.join(cluster, "postmaster.pid"), "utf8").split("\n");
  } catch {
    return undefined;
  }
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return pid > 0 && port > 0 ? { pid, port } : undefined;
}

/**
 * The server that runs on this cluster. `postmaster.pid` may be stale (a kill, a reboot, a copied folder), and its pid
 * another process by now, so the process must also work in the cluster.
 */
export function runningServer(cluster: string): Running | undefined {
  const server = noted(cluster);
  if (!server || !isAlive(server.pid)) return undefined;
  const there = processesIn(cluster);
  return there === undefined || there.includes(server.pid) ? server : undefined;
}

/**
 * Postgres refuses to start while the pid in a stale `postmaster.pid` is alive as some other process: then the file is
 * removed, once no process works in the cluster.
 */
export async function clearStalePid(cluster: string): Promise<void> {
  for (const deadline = Date.now() + ORPHANS_MS; (processesIn(cluster) ?? []).length > 0; await sleep(50)) {
    if (Date.now() > deadline)
      throw new EmbeddedError(`processes ${(processesIn(cluster) ?? []).join(", ")} still work in ${cluster}: end them, then start again`);
  }
  const server = noted(cluster);
  if (server && processesIn(cluster) !== undefined && exists(server.pid)) rmSync(path.join(cluster, "postmaster.pid"), { force: true });
}

export type Answer = "yes" | "wrong password" | "no";

/**
 * Whether the server takes this address.
 * @param first done on the session that found it so; a session more takes 0.05 s of a start. What it throws is passed on
 */
export async function answers(url: string, first?: (admin: pg.Client) => Promise<void>): Promise<Answer> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on("error", () => undefined);
  let isUp = false;
  try {
    await client.connect();
    await client.query("SELECT 1");
    isUp = true;
    await first?.(client);
    return "yes";
  } catch (error) {
    if (isUp) throw error;
    // 28P01: the password is wrong; 28000: there is no such role.
    const { code, message } = error as { code?: string; message?: string };
    return code === "28P01" || code === "28000" || /client password must be a string/.test(message ?? "") ? "wrong password" : "no";
  } finally {
    await client.end().catch(() => undefined);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === "object" ? resolve(address.port) : reject(new Error("no free port"))));
    });
  });
}

export interface StartOptions {
  cluster: string;
  logFile: string;
  programs: Programs;
  runAs: RunAs | undefined;
  /** Of the database `postgres`, on a port. */
  address: (port: number) => string;
  signal?: AbortSignal | undefined;
  /** max_connections, when more are needed than 200. */
  connections?: number | undefined;
  /** Done once it answers, before `startServer` resolves. */
  first?: (admin: pg.Client) => Promise<void>;
  /** As soon as the process exists: `stop` works from then on. */
  launched(server: Server): void;
}

export interface Server extends Running {
  /** Idempotent. */
  stop(): Promise<void>;
}

/** @returns what it answers to the password. @throws EmbeddedError with Postgres's own words */
export async function startServer(options: StartOptions): Promise<{ server: Server; answer: "yes" | "wrong password" }> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    const from = statSync(options.logFile, { throwIfNoEntry: false })?.size ?? 0;
    const log = openSync(options.logFile, "a", 0o600);
    giveToFolder(options.logFile);
    const { programs, runAs, cluster } = options;
    const settings = [...SETTINGS, `max_connections=${Math.max(CONNECTIONS, options.connections ?? 0)}`];
    const flags = settings.flatMap((setting) => ["-c", setting]);
    const words = [...(runAs?.prefix ?? []), programs.postgres, "-D", cluster, "-p", String(port), "-h", "127.0.0.1", "-k", "", ...flags];
    const child = launch(words, ["ignore", log, log]);
    closeSync(log);
    child.unref();
    let failure: Error | undefined;
    child.on("error", (error) => (failure = error));
    const server: Server = { pid: child.pid ?? 0, port, stop: () => stopChild(child) };
    if (child.pid !== undefined) {
      endAtExit(child, child.pid);
      options.launched(server);
    }
    for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(25)) {
      const answer = await answers(options.address(port), options.first);
      if (answer !== "no" && !hasEnded(child)) return { server, answer };
      options.signal?.throwIfAborted();
      if (failure || hasEnded(child)) break;
      if (Date.now() > deadline) {
        await server.stop();
        break;
      }
    }
    const words2 = readFileSync(options.logFile, "utf8").slice(from);
    // Another process took the port after it was found free.
    if (tries < TRIES && /could not bind|Address already in use/.test(words2)) continue;
    throw new EmbeddedError(
      `Postgres does not start: ${lastWords(words2) || failure?.message || "no answer"} (more in ${options.logFile})`,
      {
        cause: failure,
      },
    );
  }
}

function lastWords(log: string): string {
  const lines = log.split("\n").filter((line) => /FATAL|PANIC|could not|HINT/.test(line));
  return lines
    .slice(-3)
    .map((line) => line.replace(/^.*?(FATAL|PANIC|HINT|ERROR|LOG|WARNING):\s*/, ""))
    .join("; ")
    .slice(0, 1000);
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

/** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child) || child.pid === undefined) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.ref();
  child.kill("SIGINT");
  await exited;
}

/** From its first moment: whatever ends this process by way of `exit`, also amid a start, ends the server too. */
function endAtExit(child: ChildProcess, pid: number): void {
  const atExit = () => endNow(pid);
  process.once("exit", atExit);
  child.once("exit", () => process.removeListener("exit", atExit));
}

/** Synchronous, for a process that is exiting: the fast shutdown, and after 3 s the immediate one, from which the next start recovers. */
export function endNow(pid: number): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (const [signal, ms] of [
    ["SIGINT", 3_000],
    ["SIGQUIT", 2_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (const deadline = Date.now() + ms; isAlive(pid) && Date.now() < deadline; ) Atomics.wait(pause, 0, 0, 10);
    if (!isAlive(pid)) return;
  }
}

/** Waits for a server that was found running: it may still be recovering, or shutting down. */
export async function waitFor(
  server: Running,
  url: string,
  signal?: AbortSignal,
  first?: (admin: pg.Client) => Promise<void>,
): Promise<Answer> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(50)) {
    const answer = await answers(url, first);
    if (answer !== "no" || !isAlive(server.pid) || Date.now() > deadline) return answer;
    signal?.throwIfAborted();
  }
}

/**
 * The same shutdown of one that we took over.
 * @param patienceMs how long it is waited for; it stops then when it can
 */
export async function stopByPid(pid: number, patienceMs = Number.POSITIVE_INFINITY): Promise<void> {
  if (!isAlive(pid)) return;
  try {
    process.kill(pid, "SIGINT");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  for (const deadline = Date.now() + patienceMs; isAlive(pid) && Date.now() < deadline; ) await sleep(25);
}
