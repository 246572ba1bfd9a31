/** P13: bytes on disk for each delivery of 1 KB, indexes and feed included, after VACUUM but not VACUUM FULL. */
import pg from "pg";
import type { Bench } from "../harness/bench.ts";
import { pipelineRun } from "../harness/pipeline.ts";
import { makeDefinitions, startPlatform } from "../harness/platform.ts";
import type { Check, Row } from "../harness/row.ts";

const COUNT = 20_000;

interface Size {
  name: string;
  bytes: number;
}

/** Every relation of the database, indexes and TOAST with their table: whatever the tables are called. */
async function sizes(url: string): Promise<Size[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("VACUUM (ANALYZE)");
  const { rows } = await client.query<{ name: string; bytes: string }>(
    `SELECT n.nspname || '.' || c.relname AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1`,
  );
  await client.end();
  return rows.map(({ name, bytes }) => ({ name, bytes: Number(bytes) }));
}

async function stored(bench: Bench, fanOut: number): Promise<{ bytes: number; parts: string }> {
  const url = await bench.postgres.database();
  const platform = await startPlatform(url);
  const target = { targetUrl: bench.receiver.url };
  if (fanOut === 1) await makeDefinitions(platform, { ...target, count: 100 });
  else await makeDefinitions(platform, { ...target, count: fanOut, eventType: "bench.t0" });
  const types = fanOut === 1 ? 100 : 1;
  const run = (count: number, offset: number) => pipelineRun(bench, platform, { count, types, perCall: 1, offset, fanOut });
  // What exists before the first delivery, and pages that are only half full, are no part of what one more costs.
  await run(1_000, 0);
  const before = new Map((await sizes(url)).map(({ name, bytes }) => [name, bytes]));
  const events = Math.max(1_000, bench.scaled(COUNT / (fanOut === 1 ? 1 : 5)));
  await run(events, 1_000_000);
  // Idle lanes are let go and what was counted in memory is written within seconds.
  await platform.stop();
  const grown = (await sizes(url)).map(({ name, bytes }) => ({ name, bytes: (bytes - (before.get(name) ?? 0)) / (events * fanOut) }));
  const parts = grown
    .filter(({ bytes }) => bytes >= 20)
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ name, bytes }) => `${name.replace(/^public\./, "")} ${Math.round(bytes)}`);
  return { bytes: grown.reduce((sum, { bytes }) => sum + bytes, 0), parts: parts.join(", ") };
}

export const p13: Row = {
  name: "P13",
  title: "stored per delivery of 1 KB",
  long: false,
  async run(bench) {
    const checks: Check[] = [];
    for (const [fanOut, bar] of [
      [1, 3.2],
      [10, 1.8],
    ] as const) {
      const { bytes, parts } = await stored(bench, fanOut);
      bench.say(`fan-out ${String(fanOut).padEnd(2)}  ${Math.round(bytes)} bytes each: ${parts}`);
      checks.push({ name: `stored at fan-out ${fanOut}`, value: bytes / 1000, bar, atLeast: false, spread: 0, unit: "KB", detail: parts });
    }
    return checks;
  },
};
