/** The harness's own Postgres: killed and started again at will. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type EmbeddedPostgres, startEmbedded } from "../../src/embedded/start.ts";

export interface Postgres {
  /** Direct, past every proxy. */
  readonly url: string;
  readonly port: number;
  query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]>;
  /** SIGKILL to the postmaster and its children, or an immediate shutdown (SIGQUIT). */
  kill(how: "SIGKILL" | "SIGQUIT"): Promise<void>;
  /** On a new port, with the same data. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** @param at its data folder, which stays; one of its own unless given */
export async function startPostgres(at?: string): Promise<Postgres> {
  const folder = at ?? (await mkdtemp(path.join(tmpdir(), "hookline-fault-")));
  let embedded: EmbeddedPostgres = await startEmbedded(folder);
  let pool: pg.Pool | undefined;
  const open = () => {
    if (!pool) {
      pool = new pg.Pool({ connectionString: embedded.url, max: 4 });
      pool.on("error", () => undefined);
      pool.on("connect", (client) => client.on("error", () => undefined));
    }
    return pool;
  };
  return {
    get url() {
      return embedded.url;
    },
    get port() {
      return embedded.port;
    },
    query: async <Row extends object>(text: string, values: unknown[] = []) => (await open().query<Row>(text, values)).rows,
    async kill(how) {
      await pool?.end().catch(() => undefined);
      pool = undefined;
      const lock = await readFile(path.join(folder, "postgres/data/postmaster.pid"), "utf8");
      const pid = Number(lock.split("\n")[0]);
      process.kill(pid, how);
      while (isAlive(pid)) await sleep(20);
    },
    async start() {
      await pool?.end().catch(() => undefined);
      pool = undefined;
      // Lets go of the folder that the killed server was started on.
      await embedded.stop();
      embedded = await startEmbedded(folder);
    },
    async close() {
      await pool?.end().catch(() => undefined);
      await embedded.stop();
      if (at === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
