/**
 * The end of CI: each failure in a line or two, then `N passed, N failed, N skipped`, from Vitest's JSON report and the fault
 * run's own last line. What failed beside other tests and passed alone is named as unsteady.
 * Exits 1 when anything failed, or when a report is missing or says that nothing was run.
 *
 *   node scripts/ci-summary.ts TESTS.json FAULTS.txt [AGAIN.json]
 *   node scripts/ci-summary.ts --again TESTS.json PRINTED.txt   the files to run once more, alone; none when that would prove
 *                                                               nothing. PRINTED.txt is what Vitest printed: only there it
 *                                                               tells of errors that no test caught.
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

/** More than these did not fail by chance. */
const MOST_AGAIN = 4;

// biome-ignore lint/suspicious/noControlCharactersInRegex: Vitest colours what it prints
const COLOURS = /\u001b\[[\d;]*m/g;

/** Files during which an error was thrown that no test caught: such a run has failed, though each of its tests passed. */
export function filesOfUncaught(printed: string): string[] {
  const named = printed.replace(COLOURS, "").matchAll(/^This error originated in "([^"]+)" test file/gm);
  return [...new Set([...named].map(([, name = ""]) => name))];
}

/** Files that one more run may clear. Never one with properties: it would take other examples, and hide the one that failed. */
export function filesToRunAgain({ testResults }: Report, printed = ""): string[] {
  const broken = testResults.filter(({ status }) => status === "failed").map(({ name = "" }) => name);
  const uncaught = filesOfUncaught(printed).filter((name) => !broken.some((file) => file.endsWith(name)));
  const failed = [...broken, ...uncaught];
  return failed.length <= MOST_AGAIN && !failed.some((name) => /property|ordering|fuzz/.test(name)) ? failed : [];
}

/** The first run with the files that ran again as they ended then. */
export function withSecondRun(first: Report, second: Report): Report {
  const again = new Map(second.testResults.map((file) => [file.name, file]));
  const testResults = first.testResults.map((file) => again.get(file.name) ?? file);
  const counted = (status: string) => testResults.flatMap((file) => file.assertionResults).filter((test) => test.status === status).length;
  return { ...first, numPassedTests: counted("passed"), numFailedTests: counted("failed"), testResults };
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

const reportIn = (file: string | undefined) =>
  readFile(file ?? "", "utf8").then(
    (text) => JSON.parse(text) as Report,
    () => undefined,
  );

if (import.meta.main) {
  const words = process.argv.slice(2);
  if (words[0] === "--again") {
    const report = await reportIn(words[1]);
    const printed = await readFile(words[2] ?? "", "utf8").catch(() => "");
    for (const file of report ? filesToRunAgain(report, printed) : []) console.log(file);
  } else {
    const [first, faults = "", again] = words;
    const [report, second] = [await reportIn(first), await reportIn(again)];
    const ended = report && second ? withSecondRun(report, second) : report;
    // No file: this tree has no fault harness.
    const printed = await readFile(faults, "utf8").catch(() => undefined);
    const all = total([ended ? fromVitest(ended) : NOTHING, ...(printed === undefined ? [] : [fromFaults(printed)])]);
    const failures = ended ? failuresOf(ended) : [];
    const unsteady = (report && second ? failuresOf(report) : []).map((line) => line.replace("failed", "unsteady"));
    for (const line of [...unsteady, ...failures, ...failedRows(printed ?? "")]) console.log(line);
    console.log(lastLine(all));
    process.exitCode = all.failed > 0 || all.passed === 0 ? 1 : 0;
  }
}
