/**
 * The fault harness: `node test/fault/run.ts [--short | --edges | --all | --long] [--only F07,E1] [--seed N] [--write] [--list]`.
 * `--short` is what CI runs; `--all` runs every row, `--long` every row at its full length, into docs/faults.md. The last
 * line says how many rows passed; a failed row prints its seed and everything that was wrong.
 */
import { parseArgs } from "node:util";
import { type Platform, startPlatform } from "./platform.ts";
import { type Recorder, startRecorder } from "./recorder.ts";
import { type LoneRow, makeBench, type Row, type RowResult, runAlone, runRow } from "./row.ts";
import { rows } from "./rows.ts";
import { type Outcome, writeTable } from "./table.ts";

const { values: options } = parseArgs({
  options: {
    seed: { type: "string" },
    only: { type: "string" },
    short: { type: "boolean" },
    edges: { type: "boolean" },
    all: { type: "boolean" },
    long: { type: "boolean" },
    /** Also without --long. */
    write: { type: "boolean" },
    list: { type: "boolean" },
  },
});
const seed = Number(options.seed ?? Date.now() % 1_000_000_000);
const only = options.only?.toUpperCase().split(",");
// The kills at the edges are a hundred by hand and eight in CI.
const full = (row: Row | LoneRow) => options.long === true || (options.edges === true && row.edge === true);

function isChosen(row: Row | LoneRow): boolean {
  if (only) return only.includes(row.id);
  if (options.all || options.long) return true;
  return options.edges ? row.edge === true : row.short;
}

/** mulberry32: the same numbers for the same seed and row. */
function randomOf(row: { id: string }): () => number {
  let state = seed ^ (Number.parseInt(row.id, 36) * 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const told = ({ account }: RowResult) =>
  account
    ? [`lost ${account.lost} · unexpected ${account.unexpected} · duplicated ${account.duplicated} · recovered ${account.recovered}`]
    : [];

function print(row: Row | LoneRow, result: RowResult, seconds: number): void {
  const { problems, notes, evidence } = result;
  console.log(`${problems.length === 0 ? "ok  " : "FAIL"} ${row.id} ${row.title} (${seconds.toFixed(1)} s)`);
  for (const line of [...told(result), ...notes]) console.log(`       ${line}`);
  for (const problem of problems.slice(0, 12)) console.log(`     ✗ ${problem}`);
  for (const line of problems.length > 0 ? (evidence ?? []) : []) console.log(`       ${line}`);
  if (problems.length > 0)
    console.log(`     again with: node test/fault/run.ts --only ${row.id} --seed ${seed}${full(row) ? " --long" : ""}`);
}

async function runOne(row: Row | LoneRow, shared: () => Promise<Platform>, recorder: Recorder): Promise<RowResult> {
  if ("alone" in row) return runAlone(row, randomOf(row), full(row));
  const bench = makeBench(randomOf(row), full(row));
  let own: Platform | undefined;
  try {
    own = await row.world?.(bench);
    return await runRow(row, own ?? (await shared()), recorder, bench);
  } catch (error) {
    return { problems: [(error as Error).stack ?? String(error)], notes: bench.notes, account: undefined };
  } finally {
    await own?.close();
  }
}

async function main(): Promise<void> {
  const chosen = rows.filter(isChosen);
  if (options.list) {
    for (const row of rows) console.log(`${row.id}  ${row.short ? "short" : "     "} ${row.edge ? "edge" : "    "}  ${row.title}`);
    return;
  }
  if (chosen.length === 0) throw new Error(`no such row; there are ${rows.map((row) => row.id).join(" ")}`);
  console.log(`faults: ${chosen.map((row) => row.id).join(" ")} · seed ${seed}`);
  const outcomes: Outcome[] = [];
  let platform: Promise<Platform> | undefined;
  const recorder = await startRecorder();
  const shared = () => {
    platform ??= startPlatform().catch((error: Error) => {
      // The next row tries again.
      platform = undefined;
      throw error;
    });
    return platform;
  };
  try {
    for (const row of chosen) {
      const began = performance.now();
      const result = await runOne(row, shared, recorder);
      const seconds = (performance.now() - began) / 1_000;
      print(row, result, seconds);
      const passed = result.problems.length === 0;
      outcomes.push({ id: row.id, title: row.title, seed, passed, seconds, figures: [...told(result), ...result.notes] });
      // After each: a run of hours that is ended in its midst has told what it found.
      if (options.long || options.write) writeTable(outcomes, new Date());
    }
  } finally {
    await (await platform?.catch(() => undefined))?.close();
    await recorder.receiver.close();
  }
  const failed = outcomes.filter(({ passed }) => !passed).length;
  console.log(`${outcomes.length - failed} passed, ${failed} failed`);
  // A hostile receiver's endless body may still be on its way to somebody who is gone.
  process.exit(failed > 0 ? 1 : 0);
}

await main();
