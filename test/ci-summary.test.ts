import { describe, expect, it } from "vitest";
import {
  failedRows,
  failuresOf,
  filesToRunAgain,
  fromFaults,
  fromVitest,
  lastLine,
  type Report,
  total,
  withSecondRun,
} from "../scripts/ci-summary.ts";

const report = (over: Partial<Report> = {}): Report => ({
  numPassedTests: 10,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [{ status: "passed", assertionResults: [{ status: "passed" }] }],
  ...over,
});

describe("the last line of CI", () => {
  it("adds the fault rows to the tests", () => {
    expect(lastLine(total([fromVitest(report()), fromFaults("ok F01\n4 passed, 1 failed\n")]))).toBe("14 passed, 1 failed");
  });

  it("counts a file that could not be loaded, once", () => {
    expect(fromVitest(report({ testResults: [{ status: "failed", assertionResults: [] }] }))).toEqual({
      passed: 10,
      failed: 1,
      skipped: 0,
    });
    const failed = { status: "failed", assertionResults: [{ status: "failed" }] };
    expect(fromVitest(report({ numFailedTests: 1, testResults: [failed] })).failed).toBe(1);
  });

  it("takes a fault run without its last line for a failure", () => {
    expect(fromFaults("ok F01\nError: it died")).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(fromFaults("")).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  it("names what was skipped", () => {
    expect(lastLine(fromVitest(report({ numPendingTests: 1, numTodoTests: 1 })))).toBe("10 passed, 0 failed, 2 skipped");
  });

  it("names what failed, with the beginning of why", () => {
    const failed = { status: "failed", fullName: "B1 holds", failureMessages: ["Error: no\n    at here"] };
    const passed = { status: "passed", fullName: "B2 holds" };
    const testResults = [
      { status: "failed", name: "a.test.ts", assertionResults: [passed, failed] },
      { status: "failed", name: "b.test.ts", message: "cannot be loaded", assertionResults: [] },
      { status: "passed", name: "c.test.ts", assertionResults: [passed] },
    ];
    expect(failuresOf(report({ testResults }))).toEqual([
      "failed: a.test.ts: B1 holds\n  Error: no\n      at here",
      "failed: b.test.ts\n  cannot be loaded",
    ]);
    expect(failedRows("ok   F01 a\nFAIL F12 b (3.1 s)\n  ✗ why\n1 passed, 1 failed")).toEqual(["FAIL F12 b (3.1 s)"]);
  });

  it("runs a file or two again, but none whose examples are drawn", () => {
    const failed = (name: string) => ({ status: "failed", name, assertionResults: [{ status: "failed" }] });
    const again = (...names: string[]) => filesToRunAgain(report({ testResults: names.map(failed) }));
    expect(again()).toEqual([]);
    expect(again("a.test.ts", "b.test.ts")).toEqual(["a.test.ts", "b.test.ts"]);
    expect(again("a.test.ts", "b.test.ts", "c.test.ts", "d.test.ts", "e.test.ts")).toEqual([]);
    expect(again("test/ordering.property.test.ts")).toEqual([]);
  });

  it("runs a file again during which an error went uncaught, though its tests passed", () => {
    const uncaught = (name: string) =>
      `Error: late\nThis error originated in "\u001b[1m${name}\u001b[22m" test file. It doesn't mean the error was thrown inside.\n`;
    const printed = uncaught("test/b.test.ts") + uncaught("test/a.test.ts") + uncaught("test/b.test.ts");
    const failed = { status: "failed", name: "/clone/test/a.test.ts", assertionResults: [{ status: "failed" }] };
    expect(filesToRunAgain(report(), printed)).toEqual(["test/b.test.ts", "test/a.test.ts"]);
    expect(filesToRunAgain(report({ testResults: [failed] }), printed)).toEqual(["/clone/test/a.test.ts", "test/b.test.ts"]);
    expect(filesToRunAgain(report(), "4790 passed")).toEqual([]);
  });

  it("counts a file that ran again as it ended then", () => {
    const file = (name: string, ...states: string[]) => ({
      status: states.includes("failed") ? "failed" : "passed",
      name,
      assertionResults: states.map((status) => ({ status })),
    });
    const first = report({
      numPassedTests: 3,
      numFailedTests: 1,
      testResults: [file("a", "passed", "failed"), file("b", "passed", "passed")],
    });
    const second = (...states: string[]) => withSecondRun(first, report({ testResults: [file("a", ...states)] }));
    expect(fromVitest(second("passed", "passed"))).toEqual({ passed: 4, failed: 0, skipped: 0 });
    expect(fromVitest(second("failed", "passed"))).toEqual({ passed: 3, failed: 1, skipped: 0 });
    expect(fromVitest(withSecondRun(first, report({ testResults: [] })))).toEqual({ passed: 3, failed: 1, skipped: 0 });
  });
});
