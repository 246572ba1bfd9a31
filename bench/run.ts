/**
 * `npm run bench [-- P1 P3 …]`: the bars of the product as ratios measured in one run, so that they mean the same on any
 * machine. Without names: P1, P2, P3. Writes bench/results/<time>.json and .svg.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import path from "node:path";
import { CORES } from "./machine.ts";
import { holds, picture } from "./picture.ts";
import { p1, p2, p3, p5, p8, p10, type Row } from "./rows.ts";
import { openWorld, type World } from "./world.ts";

const ROWS: Record<string, (world: World) => Promise<Row[]>> = { P1: p1, P2: p2, P3: p3, P5: p5, P8: p8, P10: () => p10() };

const asked = process.argv.slice(2).map((name) => name.toUpperCase());
const unknown = asked.filter((name) => !ROWS[name]);
if (unknown.length > 0) {
  console.error(`no such bar: ${unknown.join(", ")}; there are ${Object.keys(ROWS).join(", ")}`);
  process.exit(1);
}

const world = await openWorld();
const rows: Row[] = [];
try {
  for (const name of asked.length > 0 ? asked : ["P1", "P2", "P3"]) {
    console.log(`\n${name}`);
    rows.push(...((await ROWS[name]?.(world)) ?? []));
  }
} finally {
  await world.close();
}

console.log("");
for (const row of rows) {
  const bar = `${row.atLeast ? "≥" : "≤"} ${row.limit}`;
  console.log(
    `${holds(row) ? "ok  " : "LOW "} ${row.bar.padEnd(4)} ${row.what.padEnd(32)} ${row.value.toFixed(2).padStart(8)}   bar ${bar.padEnd(6)}  ${row.detail}`,
  );
}
const folder = path.join(import.meta.dirname, "results");
const name = new Date().toISOString().replaceAll(/[:.]/g, "-").slice(0, 19);
await mkdir(folder, { recursive: true });
await writeFile(
  path.join(folder, `${name}.json`),
  `${JSON.stringify({ at: new Date(), cores: CORES, cpu: cpus()[0]?.model, node: process.version, rows }, null, 2)}\n`,
);
await writeFile(path.join(folder, `${name}.svg`), picture(rows));
console.log(`\nbench/results/${name}.json, .svg`);
