/**
 * The last line of CI: `N passed, N failed, N skipped`, from Vitest's JSON report and the fault run's own last line.
 * Exits 1 when anything failed, or when a report is missing or says that nothing was run.
 */
import { readFile } from "node:fs/promises";

export interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A file that failed before its tests could run has none that failed: it counts as one. */
export function fromVitest(report: Report): Counts {
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** A run that ended without its last line died on the way: that is one failure. */
export function fromFaults(printed: string): Counts {
  const last = printed.trimEnd().split("\n").at(-1) ?? "";
  const found = /^(\d+) passed, (\d+) failed$/.exec(last);
  return found ? { passed: Number(found[1]), failed: Number(found[2]), skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

export function total(counts: readonly Counts[]): Counts {
  const sum = (key: keyof Counts) => counts.reduce((before, each) => before + each[key], 0);
  return { passed: sum("passed"), failed: sum("failed"), skipped: sum("skipped") };
}

export function lastLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

const NOTHING: Counts = { passed: 0, failed: 1, skipped: 0 };

if (import.meta.main) {
  const [vitest = "", faults = ""] = process.argv.slice(2);
  const tests = await readFile(vitest, "utf8").then(
    (text) => fromVitest(JSON.parse(text) as Report),
    () => NOTHING,
  );
  // No file: this tree has no fault harness.
  const rows = await readFile(faults, "utf8").then(fromFaults, () => undefined);
  const all = total(rows ? [tests, rows] : [tests]);
  console.log(lastLine(all));
  process.exitCode = all.failed > 0 || all.passed === 0 ? 1 : 0;
}
