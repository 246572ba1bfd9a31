/**
 * `npm run bench`: the bars of the product as ratios to frozen baselines, measured in one run.
 *
 *   npm run bench                 the rows that take minutes
 *   npm run bench -- --long       the rows that take many
 *   npm run bench -- P1 P3        these
 *   npm run bench -- P9 --scale 0.1    a tenth of every count: tries a row, shows nothing
 *
 * Writes bench/results/latest.json and .svg, the long rows into latest-long. Rows that were not run stay as they were, each with the
 * commit and the moment of its own run.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { ROWS } from "./catalog.ts";
import { openBench } from "./harness/bench.ts";
import { describeMachine, watchOthers } from "./harness/machine.ts";
import { picture, shown } from "./harness/picture.ts";
import { ROOT } from "./harness/process.ts";
import { buildDashboard } from "./harness/released.ts";
import { type Check, verdictOf } from "./harness/row.ts";

/** Of the machine; beyond it no figure counts. The kernel's own work for the bench is in it. */
const MOST_OTHER_WORK = 0.1;

interface RowResult {
  row: string;
  title: string;
  commit: string;
  at: string;
  seconds: number;
  /** Share of the machine that work which is not the bench's took. */
  otherWork: number;
  checks: (Check & { row: string; verdict: string })[];
  lines: string[];
  error?: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    long: { type: "boolean", default: false },
    scale: { type: "string", default: "1" },
    runs: { type: "string", default: "3" },
    out: { type: "string" },
  },
});
const [scale, runs] = [Number(values.scale), Number(values.runs)];
const asked = positionals.map((name) => name.toUpperCase());
const unknown = asked.filter((name) => !ROWS.some((row) => row.name === name));
if (unknown.length > 0 || !(scale > 0 && scale <= 1) || !(runs >= 1)) {
  console.error(
    unknown.length > 0
      ? `no such row: ${unknown.join(", ")}; there are ${ROWS.map((row) => row.name).join(" ")}`
      : "--scale is above 0 and at most 1, --runs at least 1",
  );
  process.exit(1);
}
const rows = ROWS.filter((row) => (asked.length > 0 ? asked.includes(row.name) : row.long === values.long));

// What was started is ended on the way out (harness/leavings.ts).
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await buildDashboard(ROOT);
const bench = await openBench({ runs, scale, statements: rows.some((row) => row.long) });
const machine = await describeMachine(bench.postgres.version);
const results: RowResult[] = [];
console.log(`${machine.commit} on ${machine.cores} × ${machine.cpu}, Postgres ${machine.postgres}, Node ${machine.node}`);
try {
  for (const row of rows) {
    console.log(`\n${row.name}  ${row.title}`);
    const began = performance.now();
    const first = bench.lines.length;
    const othersOf = await watchOthers();
    const { commit } = machine;
    const at = new Date().toISOString();
    const result: RowResult = { row: row.name, title: row.title, commit, at, seconds: 0, otherWork: 0, checks: [], lines: [] };
    try {
      const checks = await row.run(bench);
      result.otherWork = await othersOf();
      for (const check of checks) {
        const judged = { ...check, ...reservation(result.otherWork) };
        result.checks.push({ ...judged, row: row.name, verdict: verdictOf(judged) });
      }
    } catch (error) {
      result.error = (error as Error).message;
      console.error(`  FAILED: ${(error as Error).stack}`);
      process.exitCode = 1;
      await bench.clear();
    }
    await bench.postgres.drop();
    result.seconds = Math.round((performance.now() - began) / 1000);
    result.lines = bench.lines.slice(first);
    results.push(result);
    for (const check of result.checks) console.log(lineOf(check));
    console.log(`  (${result.seconds} s)`);
    await write();
  }
} finally {
  await bench.close();
}

/** Why nothing of this run counts, if so. */
function reservation(otherWork: number): { notShown?: string } {
  if (scale < 1) return { notShown: `run at scale ${scale}` };
  if (otherWork > MOST_OTHER_WORK) return { notShown: `other work took ${Math.round(otherWork * 100)} % of the machine` };
  return {};
}

function lineOf(check: Check & { verdict: string }): string {
  const bar = `${check.atLeast ? "≥" : "≤"} ${check.bar}`;
  const spread = check.spread > 0 ? ` ± ${shown(check.spread)}` : "";
  const value = Number.isFinite(check.value) ? `${shown(check.value)}${check.unit ? ` ${check.unit}` : ""}` : "–";
  const why = check.notShown ? `  [${check.notShown}]` : "";
  return `  ${check.verdict.toUpperCase().padEnd(9)} ${check.name.padEnd(44)} ${`${value}${spread}`.padEnd(20)} bar ${bar.padEnd(8)} ${check.detail}${why}`;
}

interface Results {
  at: string;
  machine: typeof machine;
  runs: number;
  scale: number;
  rows: RowResult[];
}

/** What stands in a file of results, each row with the commit of its run. */
async function known(file: string): Promise<RowResult[]> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return [];
  const { at, machine: then, rows: before } = JSON.parse(text) as Results;
  return before.map((row) => ({ ...row, commit: row.commit ?? then.commit, at: row.at ?? at }));
}

async function write(): Promise<void> {
  const folder = path.join(import.meta.dirname, "results");
  await mkdir(folder, { recursive: true });
  for (const long of [false, true]) {
    const own = results.filter((result) => ROWS.some((row) => row.name === result.row && (values.out !== undefined || row.long === long)));
    if (own.length === 0) continue;
    const file = path.join(folder, values.out ?? (long ? "latest-long" : "latest"));
    const before = values.out === undefined ? await known(`${file}.json`) : [];
    const all = ROWS.flatMap(({ name }) => own.find(({ row }) => row === name) ?? before.find(({ row }) => row === name) ?? []);
    const at = (own.at(-1) as RowResult).at;
    const commits = [...new Set(all.map(({ commit }) => commit))].join(", ");
    const caption = `${commits} · ${at.slice(0, 16)} · ${machine.cores} × ${machine.cpu} · Postgres ${machine.postgres}`;
    const written: Results = { at, machine, runs, scale, rows: all };
    await writeFile(`${file}.json`, `${JSON.stringify(written, null, 2)}\n`);
    await writeFile(
      `${file}.svg`,
      picture(
        all.flatMap(({ checks }) => checks),
        caption,
      ),
    );
  }
}

console.log(`\n${path.relative(ROOT, path.join(import.meta.dirname, "results"))}`);
