/** `docs/faults.md`: what each row did when it was last run, with its seed, commit and date. Rows that were not run keep their line. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const FILE = path.resolve(import.meta.dirname, "../../docs/faults.md");
const BEGIN = "<!-- rows: written by test/fault/run.ts -->";
const END = "<!-- end of rows -->";
const HEAD = ["| row | fault | seed | result | figures | commit | date |", "| --- | --- | --- | --- | --- | --- | --- |"];

export interface Outcome {
  id: string;
  title: string;
  seed: number;
  passed: boolean;
  seconds: number;
  figures: readonly string[];
}

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** `a1b2c3d`, with a `+` when the tree had changes. */
function commit(): string {
  const git = (...words: string[]) => execFileSync("git", words, { cwd: import.meta.dirname, encoding: "utf8" }).trim();
  const dirty = git("status", "--porcelain", "--untracked-files=no", "--", "../../src", ".") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${dirty ? "+" : ""}`;
}

function lineOf({ id, title, seed, passed, seconds, figures }: Outcome, at: string, date: string): string {
  const told = [...figures, `${seconds.toFixed(0)} s`].join("; ").slice(0, 600);
  return `| ${id} | ${cell(title)} | ${seed} | ${passed ? "passed" : "**failed**"} | ${cell(told)} | ${at} | ${date} |`;
}

const idOf = (line: string) => /^\| (\S+) \|/.exec(line)?.[1] ?? "";

/** @param text of the document. @throws Error when it has no place for the rows. Pure */
export function withRows(text: string, lines: readonly string[]): string {
  const [before, rest] = text.split(BEGIN);
  const [old, after] = rest?.split(END) ?? [];
  if (before === undefined || old === undefined || after === undefined) throw new Error(`the document has no ${BEGIN} … ${END}`);
  const rows = new Map(old.split("\n").flatMap((line) => (/^\| [A-Z]\d/.test(line) ? [[idOf(line), line] as const] : [])));
  for (const line of lines) rows.set(idOf(line), line);
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  return `${before}${BEGIN}\n\n${[...HEAD, ...sorted].join("\n")}\n\n${END}${after}`;
}

export function writeTable(outcomes: readonly Outcome[], now: Date): void {
  const [at, date] = [commit(), now.toISOString().slice(0, 10)];
  writeFileSync(
    FILE,
    withRows(
      readFileSync(FILE, "utf8"),
      outcomes.map((outcome) => lineOf(outcome, at, date)),
    ),
  );
  console.log(`written to ${path.relative(process.cwd(), FILE)}`);
}
