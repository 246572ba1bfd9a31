import { describe, expect, it } from "vitest";
import { fromFaults, fromVitest, lastLine, type Report, total } from "../scripts/ci-summary.ts";

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
});
