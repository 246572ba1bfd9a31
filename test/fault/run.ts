/**
 * The fault harness: `node test/fault/run.ts [--short | --all] [--only F07,F10] [--seed N]`. The last line says how many
 * rows passed; a failed row prints its seed and everything that was wrong.
 */
import { parseArgs } from "node:util";
import { type Platform, startPlatform } from "./platform.ts";
import { type Recorder, startRecorder } from "./recorder.ts";
import { type Row, type RowResult, runRow } from "./row.ts";
import { database } from "./rows/database.ts";
import { fair } from "./rows/fair.ts";
import { kills } from "./rows/kills.ts";
import { lanes } from "./rows/lanes.ts";
import { load } from "./rows/load.ts";
import { receivers } from "./rows/receivers.ts";

const rows: readonly Row[] = [...kills, ...database, ...lanes, ...receivers, ...load, ...fair].sort((a, b) => (a.id < b.id ? -1 : 1));

const { values: options } = parseArgs({
  options: { seed: { type: "string" }, only: { type: "string" }, short: { type: "boolean" }, all: { type: "boolean" } },
});
const seed = Number(options.seed ?? Date.now() % 1_000_000_000);
const only = options.only?.toUpperCase().split(",");
const chosen = rows.filter((row) => (only ? only.includes(row.id) : options.all || row.short));
if (chosen.length === 0) throw new Error(`no such row; there are ${rows.map((row) => row.id).join(" ")}`);

/** mulberry32: the same numbers for the same seed and row. */
function randomOf(row: Row): () => number {
  let state = seed ^ (Number(row.id.slice(1)) * 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function print(row: Row, { problems, notes, account }: RowResult, seconds: number): void {
  const told = account
    ? `lost ${account.lost} · unexpected ${account.unexpected} · duplicated ${account.duplicated} · recovered ${account.recovered}`
    : "";
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${row.id} ${row.title} (${seconds.toFixed(1)} s)`);
  for (const line of [told, ...notes].filter((text) => text !== "")) console.log(`       ${line}`);
  for (const problem of problems.slice(0, 12)) console.log(`     ✗ ${problem}`);
  if (problems.length > 0) console.log(`     again with: node test/fault/run.ts --only ${row.id} --seed ${seed}`);
}

async function main(): Promise<void> {
  console.log(`faults: ${chosen.map((row) => row.id).join(" ")} · seed ${seed}`);
  let failed = 0;
  let platform: Platform | undefined;
  let recorder: Recorder | undefined;
  try {
    platform = await startPlatform();
    recorder = await startRecorder();
    for (const row of chosen) {
      const began = performance.now();
      const result = await runRow(row, platform, recorder, randomOf(row), !options.short);
      print(row, result, (performance.now() - began) / 1_000);
      if (result.problems.length > 0) failed += 1;
    }
  } finally {
    await platform?.close();
    await recorder?.receiver.close();
  }
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  // A hostile receiver's endless body may still be on its way to somebody who is gone.
  process.exit(failed > 0 ? 1 : 0);
}

await main();
