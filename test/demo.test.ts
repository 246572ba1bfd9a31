/** `npm run demo`: its verdict can fail, and the real thing ends well and leaves nothing behind. */
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Call } from "../scripts/demo/receiver.ts";
import { events, expectedLanes, laneOf } from "../scripts/demo/scenario.ts";
import { type Evidence, judge } from "../scripts/demo/verdict.ts";

/** What a platform that keeps its word leaves behind: one failed call, then everything in order. */
function good(): Evidence & { calls: Call[]; live: { lane: string; laneNumber: number; attempt: number; delivered: boolean }[] } {
  const expected = expectedLanes();
  const calls: Call[] = [];
  const live = [];
  for (const [lane, sequences] of expected) {
    const path = `/${lane.split(" ")[0]}`;
    for (const [i, sequence] of sequences.entries()) {
      const { type, entityId } = events[sequence] as (typeof events)[number];
      const call = { path, webhookId: `w${sequence}`, type, entityId, sequence, verified: true, beside: 0 };
      const fails = lane === "orders" && i === 0;
      if (fails) calls.push({ ...call, status: 503 });
      if (fails) live.push({ lane, laneNumber: 1, attempt: 1, delivered: false });
      calls.push({ ...call, status: 200 });
      live.push({ lane, laneNumber: i + 1, attempt: fails ? 2 : 1, delivered: true });
    }
  }
  return { expected, laneOf, calls, live };
}

const broken = (spoil: (evidence: ReturnType<typeof good>) => void) => {
  const evidence = good();
  spoil(evidence);
  return judge(evidence)
    .filter((claim) => !claim.holds)
    .map((claim) => claim.name);
};
const call = (evidence: ReturnType<typeof good>, i: number) => evidence.calls[i] as Call;

describe("the verdict", () => {
  it("holds for what should be", () => {
    expect(broken(() => undefined)).toEqual([]);
    expect([...expectedLanes().values()].flat()).toHaveLength(60);
  });

  it.each<[string, (evidence: ReturnType<typeof good>) => void, string]>([
    ["a delivery is missing", (e) => e.calls.pop(), "delivered"],
    ["one came twice", (e) => e.calls.push(call(e, 5)), "delivered"],
    ["nothing had to be retried", (e) => e.calls.shift(), "retried"],
    ["two changed places", (e) => e.calls.splice(4, 2, call(e, 5), call(e, 4)), "in order"],
    ["two were under way together", (e) => Object.assign(call(e, 9), { beside: 1 }), "in order"],
    ["a signature was wrong", (e) => Object.assign(call(e, 9), { verified: false }), "signatures"],
    ["an attempt was not shown live", (e) => e.live.pop(), "live"],
    ["an attempt was shown twice", (e) => e.live.push(e.live[3] as (typeof e.live)[number]), "live"],
  ])("falls when %s", (_name, spoil, claim) => {
    expect(broken(spoil)).toContain(claim);
  });
});

describe("npm run demo", () => {
  const demo = (...args: string[]) =>
    promisify(execFile)(process.execPath, [path.resolve(import.meta.dirname, "../scripts/demo.ts"), ...args]).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );
  const leftovers = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("hookline-demo-"));

  it("exits 0 with a line for each attempt and every claim kept, and leaves nothing behind", async () => {
    const before = await leftovers();
    const { code, stdout } = await demo();
    expect(stdout).toMatch(/delivered +60 of 60, none twice\n +retried +6 failed attempts\n +in order +yes, in each of 5 lanes\n/);
    expect(stdout.match(/ attempt \d+ /g)?.length).toBeGreaterThanOrEqual(66);
    expect(code).toBe(0);
    expect((await leftovers()).filter((name) => !before.includes(name))).toEqual([]);
  }, 120_000);

  it("exits 1 when a claim does not hold", async () => {
    const { code, stdout } = await demo("--break", "signature");
    expect(stdout).toMatch(/signatures .*does not hold/);
    expect(code).toBe(1);
  }, 120_000);

  it("--platform: recovery, a schema, an inbound source and a portal, every claim kept", async () => {
    const { code, stdout } = await demo("--platform");
    expect(stdout).toMatch(/missed +3 planned; the receiver has 0, 1, 2, 3 of 0, 1, 2, 3; 0 left\n/);
    expect(stdout).toMatch(/rejected +3 planned; the receiver has 1, 2, 3 of 1, 2, 3; 0 left\n/);
    expect(stdout).toMatch(/schema +a wrong payload 400, .*a right one 202\n/);
    expect(stdout).toMatch(/inbound +a wrong signature 401, a right one 202, the same once more 202; 1 event\n/);
    expect(stdout).toMatch(/portal +signed in once \(204, then 4\d\d\); sees 1 webhook of 4/);
    expect(code).toBe(0);
  }, 120_000);

  it("--platform exits 1 when a claim does not hold", async () => {
    const { code, stdout } = await demo("--platform", "--break", "portal");
    expect(stdout).toMatch(/portal .*does not hold/);
    expect(code).toBe(1);
  }, 120_000);
});
