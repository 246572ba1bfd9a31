/**
 * The end of CI: each failure in a line or two, then `N passed, N failed, N skipped`, from Vitest's JSON report and the fault
 * run's own last line.
 * Exits 1 when anything failed, or when a report is missing or says that nothing was run.
 */
import { readFile } from "node:fs/promises";

export interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    status: string;
    name?: string;
    message?: string;
    assertionResults: { status: string; fullName?: string; failureMessages?: string[] }[];
  }[];
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

const MOST_OF_A_MESSAGE = 400;
const failure = (where: string, message = "") => `failed: ${where}\n  ${message.slice(0, MOST_OF_A_MESSAGE).replaceAll("\n", "\n  ")}`;

/** File, test and the beginning of its message: a log that is cut in the middle still says what failed. */
export function failuresOf({ testResults }: Report): string[] {
  return testResults.flatMap(({ status, name = "", message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === "failed");
    if (failed.length === 0) return status === "failed" ? [failure(name, message)] : [];
    return failed.map(({ fullName, failureMessages }) => failure(`${name}: ${fullName}`, failureMessages?.[0]));
  });
}

export function failedRows(printed: string): string[] {
  return printed.split("\n").filter((line) => line.startsWith("FAIL "));
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
  const report = await readFile(vitest, "utf8").then(
    (text) => JSON.parse(text) as Report,
    () => undefined,
  );
  // No file: this tree has no fault harness.
  const printed = await readFile(faults, "utf8").catch(() => undefined);
  const all = total([report ? fromVitest(report) : NOTHING, ...(printed === undefined ? [] : [fromFaults(printed)])]);
  for (const line of [...(report ? failuresOf(report) : []), ...failedRows(printed ?? "")]) console.log(line);
  console.log(lastLine(all));
  process.exitCode = all.failed > 0 || all.passed === 0 ? 1 : 0;
}
