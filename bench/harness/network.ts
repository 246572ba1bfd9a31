/** A database reached through a network that takes its time. */
import pg from "pg";
import { freePort } from "../../test/helpers/free-port.ts";
import type { Bench } from "./bench.ts";
import { start } from "./process.ts";
import { median } from "./stats.ts";

export interface Network {
  /** The same database, the long way. */
  through(databaseUrl: string): string;
  /** Milliseconds of `SELECT 1`, median. */
  roundTrip(databaseUrl: string): Promise<number>;
  stop(): Promise<void>;
}

export async function openNetwork(bench: Bench, delayMs: number): Promise<Network> {
  const port = await freePort();
  const env = { DELAY_MS: String(delayMs), TARGET_PORT: String(bench.postgres.port), PORT: String(port) };
  const program = await start("bench/harness/delay-proxy.ts", { env });
  const through = (databaseUrl: string) => {
    const url = new URL(databaseUrl);
    url.port = String(port);
    return url.href;
  };
  return {
    through,
    async roundTrip(databaseUrl) {
      const client = new pg.Client({ connectionString: through(databaseUrl) });
      await client.connect();
      const times: number[] = [];
      for (let i = 0; i < 200; i++) {
        const began = performance.now();
        await client.query("SELECT 1");
        times.push(performance.now() - began);
      }
      await client.end();
      return median(times);
    },
    stop: () => program.stop(),
  };
}

export interface LockWaits {
  /** Looks at active backends, and of these the ones that waited for a Lock. */
  active: number;
  waiting: number;
  stop(): Promise<void>;
}

/** Looks at pg_stat_activity 50 times a second, until stopped. */
export function watchLocks(bench: Bench): LockWaits {
  const watch: LockWaits = { active: 0, waiting: 0, stop: async () => undefined };
  let over = false;
  const loop = async () => {
    while (!over) {
      const began = performance.now();
      const { rows } = await bench.postgres.admin.query<{ active: string; waiting: string }>(
        `SELECT count(*) AS active, count(*) FILTER (WHERE wait_event_type = 'Lock') AS waiting
         FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()`,
      );
      watch.active += Number(rows[0]?.active);
      watch.waiting += Number(rows[0]?.waiting);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 20 - (performance.now() - began))));
    }
  };
  const running = loop();
  watch.stop = async () => {
    over = true;
    await running;
  };
  return watch;
}
