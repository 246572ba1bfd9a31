/** The harness's own checks: each passes what is right, and fails what it is there for. */
import { describe, expect, test } from "vitest";
import { account, type Evidence, type Logged } from "./accounting.ts";
import { judgeShown, type Shown } from "./live.ts";
import type { Sent } from "./producer.ts";
import type { Seen } from "./recorder.ts";
import { withRows } from "./table.ts";

const sent = (n: number, more: Partial<Sent> = {}): Sent => ({
  ...{ n, type: "t", entityId: "1", outcome: "accepted", status: 202, retryAfter: null, acceptedAt: n },
  ...more,
});
const seen = (n: number, start = n * 10, more: Partial<Seen> = {}): Seen => ({
  ...{ path: "/p", n, id: `id-${n}`, bodyHash: `h-${n}`, start, end: start + 5, status: 200 },
  ...more,
});
const logged = (n: number, more: Partial<Logged> = {}): Logged => ({
  ...{ id: `r-${n}`, path: "/p", n, laneId: "l", laneNumber: n, state: "DELIVERED", attempts: 1, interrupted: 0, manual: false },
  ...more,
});
const right: Evidence = {
  sent: [sent(1), sent(2), sent(3)],
  seen: [seen(1), seen(2), seen(3)],
  logged: [logged(1), logged(2), logged(3)],
  definitions: [{ path: "/p", type: "t", strict: true, recorded: true }],
  faults: [],
  exits: [],
  mayFail: new Set(),
  window: 64,
};

describe("accounting", () => {
  test("nothing is wrong with what is right, nor with a repeat at a fault", () => {
    expect(account(right)).toEqual({ lost: 0, unexpected: 0, duplicated: 0, recovered: 0, broken: [] });
    const again = {
      ...right,
      seen: [...right.seen, seen(3, 100)],
      logged: [logged(1), logged(2), logged(3, { attempts: 2 })],
      faults: [50],
    };
    expect(account(again)).toMatchObject({ duplicated: 1, broken: [] });
  });

  test.each<[string, Partial<Evidence>, RegExp]>([
    ["a lost event", { seen: [seen(1), seen(2)] }, /^lost 1$/m],
    ["one that nobody sent", { seen: [...right.seen, seen(9)] }, /^unexpected 1$/],
    ["one that was refused and came", { sent: [sent(1), sent(2), sent(3, { outcome: "refused" })] }, /was refused, and delivered/],
    ["no request", { logged: [logged(1), logged(2)] }, /there is no request/],
    [
      "a repeat without a fault",
      { seen: [...right.seen, seen(3, 100)], logged: [logged(1), logged(2), logged(3, { attempts: 2 })] },
      /came twice/,
    ],
    ["other bytes", { seen: [...right.seen, seen(3, 100, { bodyHash: "x" })], faults: [50] }, /different ids or bytes/],
    ["the wrong order", { seen: [seen(1), seen(3, 20), seen(2, 30)] }, /arrived after a later one/],
    ["two in flight", { seen: [seen(1, 10, { end: 40 }), seen(2, 20), seen(3, 50)] }, /in flight together/],
    ["an attempt that is not logged", { logged: [logged(1), logged(2), logged(3, { attempts: 0 })] }, /1 calls, 0 attempts/],
    ["a process that ended", { exits: ["worker-1 ended by itself"] }, /ended by itself/],
  ])("%s is told", (_, change, words) => {
    expect(account({ ...right, ...change }).broken.join("\n")).toMatch(words);
  });
});

describe("live", () => {
  const shown = (sequence: number, state: string): Shown => ({ sequence, id: "r", state, at: sequence });
  const wanted = new Map([
    [1, { id: "r", state: "PENDING" }],
    [2, { id: "r", state: "DELIVERED" }],
  ]);
  const states = new Map([["r", "DELIVERED"]]);
  test("each change once and in order", () => {
    expect(judgeShown([shown(1, "PENDING"), shown(2, "DELIVERED")], wanted, [], states)).toEqual([]);
  });
  test.each<[string, Shown[], number[], RegExp]>([
    ["a gap", [shown(1, "PENDING")], [2], /1 of 2 changes were never shown/],
    ["a repeat", [shown(1, "PENDING"), shown(2, "DELIVERED"), shown(2, "DELIVERED")], [], /2 was shown after 2/],
    ["another order", [shown(2, "DELIVERED"), shown(1, "PENDING")], [], /1 was shown after 2/],
    ["another state", [shown(1, "PENDING"), shown(2, "REJECTED")], [], /shown as REJECTED, and is DELIVERED/],
    ["a last word that is not the log's", [shown(1, "PENDING")], [], /last shown PENDING, and is DELIVERED/],
  ])("%s is told", (_, updates, missing, words) => {
    expect(judgeShown(updates, wanted, missing, states).join("\n")).toMatch(words);
  });
});

describe("the table of rows", () => {
  const document = "# Title\n\n<!-- rows: written by test/fault/run.ts -->\n<!-- end of rows -->\n\nmore\n";
  const line = (id: string, text: string) => `| ${id} | fault | 1 | passed | ${text} | abc | 2026-11-27 |`;
  test("a row that was run takes the place of its line; the others stay, in order", () => {
    const first = withRows(document, [line("F02", "two"), line("E1", "edge"), line("F01", "one")]);
    const second = withRows(first, [line("F02", "again")]);
    expect(second.split("\n").filter((each) => /^\| [EF]\d/.test(each))).toEqual([
      line("E1", "edge"),
      line("F01", "one"),
      line("F02", "again"),
    ]);
    expect(second).toMatch(/^# Title\n/);
    expect(second).toMatch(/\n\nmore\n$/);
  });
  test("a document without a place for them is refused", () => {
    expect(() => withRows("# Title", [])).toThrow(/has no/);
  });
});
