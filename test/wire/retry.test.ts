import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Policy } from "../../src/wire/dialect.ts";
import { dialects } from "../../src/wire/dialects.ts";
import { delivered, interrupted, refusedBy } from "../../src/wire/outcome.ts";
import { MAX_RETRY_AFTER_MS, nextStep, parseRetryAfter, requeueAfterMs } from "../../src/wire/retry.ts";
import { reply } from "./views.ts";

const NOW = new Date("2026-11-21T20:40:00Z");
const middle = { now: NOW, random: () => 0.5, retryScale: 1 };
const failure = reply(503);
const failed = refusedBy(failure);

function policy(changes: Partial<Policy>): Policy {
  return { ...dialects.STANDARD.defaults, jitter: 0, ...changes };
}

function waitAfter(retryAfter: string, waits = [5], chance = middle): number | undefined {
  const step = nextStep(policy({ waits }), 1, reply(429, "", { "retry-after": retryAfter }), failed, chance);
  return step.kind === "RETRY" ? step.afterMs : undefined;
}

describe("the schedule", () => {
  it("standard: nine waits, then exhausted", () => {
    const steps = Array.from({ length: 11 }, (_, i) => nextStep(dialects.STANDARD.defaults, i + 1, failure, failed, middle));
    expect(steps.map((step) => (step.kind === "RETRY" ? step.afterMs / 1000 : step.kind))).toEqual([
      5,
      300,
      1800,
      7200,
      18_000,
      36_000,
      50_400,
      72_000,
      86_400,
      "EXHAUSTED",
      "EXHAUSTED",
    ]);
  });

  it("T5 cotalker: 30 s after each failure, three attempts", () => {
    const steps = [1, 2, 3].map((tries) => nextStep(dialects.COTALKER.defaults, tries, failure, failed, { ...middle, random: () => 0 }));
    expect(steps).toEqual([{ kind: "RETRY", afterMs: 30_000 }, { kind: "RETRY", afterMs: 30_000 }, { kind: "EXHAUSTED" }]);
  });

  it("no waits: one attempt", () => {
    expect(nextStep(dialects.CRMCOM.defaults, 1, failure, failed, middle)).toEqual({ kind: "EXHAUSTED" });
  });

  it("a wait of 0 is a retry at once", () => {
    expect(nextStep(policy({ waits: [0] }), 1, failure, failed, middle)).toEqual({ kind: "RETRY", afterMs: 0 });
  });

  it("superoffice: 60 s between two cycles, no jitter", () => {
    expect(requeueAfterMs(dialects.SUPEROFFICE.defaults, failure, { ...middle, random: () => 0.99 })).toBe(60_000);
  });

  it("without a call, as after a dead worker, the schedule goes on", () => {
    expect(nextStep(policy({}), 1, null, interrupted(), middle)).toEqual({ kind: "RETRY", afterMs: 5000 });
  });
});

describe("what ends it before the schedule does", () => {
  it("a verdict that no try would change", () => {
    expect(nextStep(policy({}), 1, failure, { ...failed, retryable: false }, middle)).toEqual({ kind: "FINAL" });
    expect(nextStep(policy({}), 1, reply(200), delivered(), middle)).toEqual({ kind: "FINAL" });
  });

  it.each([
    ["STANDARD", "FINAL"],
    ["SUPEROFFICE", "FINAL"],
    ["COTALKER", "RETRY"],
    ["CRMCOM", "EXHAUSTED"],
    ["DOFORMS", "FINAL"],
  ] as const)("410 Gone to %s: %s", (name, kind) => {
    const answer = reply(410);
    expect(nextStep(dialects[name].defaults, 1, answer, dialects[name].judge(answer), middle).kind).toBe(kind);
  });
});

describe("Retry-After (F20)", () => {
  it.each([
    ["120", 120_000],
    [" 120 ", 120_000],
    ["Sat, 21 Nov 2026 20:42:00 GMT", 120_000],
    ["Saturday, 21-Nov-26 20:42:00 GMT", 120_000],
    ["Sat Nov 21 20:42:00 2026", 120_000],
    ["315360000", 315_360_000_000],
  ])("%j asks for %d ms", (text, ms) => {
    expect(parseRetryAfter(text, NOW)).toBe(ms);
  });

  it.each(["", " ", "0", "-5", "+5", "1.5", "1e3", "0x10", "soon", "120 s", "2026-11-21T20:42:00Z", "Sat, 21 Nov 2026 20:39:00 GMT"])(
    "%j asks for nothing",
    (text) => {
      expect(parseRetryAfter(text, NOW)).toBeUndefined();
      expect(waitAfter(text)).toBe(5000);
    },
  );

  it("is a lower bound, and the schedule another", () => {
    expect(waitAfter("120")).toBe(120_000);
    expect(waitAfter("1")).toBe(5000);
  });

  it("shortens no wait of the schedule, however long that is", () => {
    expect(waitAfter("1", [604_800])).toBe(604_800_000);
    expect(waitAfter("315360000", [604_800])).toBe(604_800_000);
  });

  it("ten years, and a number that no double holds, are a day", () => {
    expect(waitAfter("315360000")).toBe(MAX_RETRY_AFTER_MS);
    expect(waitAfter("9".repeat(400))).toBe(MAX_RETRY_AFTER_MS);
  });

  it("counts on any failed reply, also twice in one", () => {
    const step = nextStep(policy({}), 1, reply(301, "", { "retry-after": ["7", "9"] }), failed, middle);
    expect(step).toEqual({ kind: "RETRY", afterMs: 7000 });
  });

  it("does not prolong an exhausted schedule", () => {
    expect(waitAfter("120", [])).toBeUndefined();
  });
});

describe("properties", () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const waits = fc.array(fc.integer({ min: 0, max: 604_800 }), { maxLength: 20 });

  it("a wait stays within ± jitter of the schedule, whatever chance says", () => {
    fc.assert(
      fc.property(waits, fc.nat({ max: 25 }), unit, unit, (schedule, index, jitter, chance) => {
        const step = nextStep(policy({ waits: schedule, jitter }), index + 1, failure, failed, { ...middle, random: () => chance });
        const wait = schedule[index];
        if (wait === undefined) return step.kind === "EXHAUSTED";
        if (step.kind !== "RETRY") return false;
        return step.afterMs >= Math.floor(wait * 1000 * (1 - jitter)) && step.afterMs <= Math.ceil(wait * 1000 * (1 + jitter));
      }),
    );
  });

  it("jitter spreads: two chances give two waits", () => {
    const at = (chance: number) => nextStep(policy({ jitter: 0.2 }), 2, failure, failed, { ...middle, random: () => chance });
    expect([at(0), at(0.5), at(0.999)]).toEqual([
      { kind: "RETRY", afterMs: 240_000 },
      { kind: "RETRY", afterMs: 300_000 },
      { kind: "RETRY", afterMs: 359_880 },
    ]);
  });

  it("wait = max(scheduled, min(Retry-After, 24 h)) × scale", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 604_800 }),
        fc.integer({ min: 1, max: 1e9 }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (wait, asked, scale) => {
          const expected = Math.max(wait, Math.min(asked, 86_400)) * 1000;
          expect(waitAfter(String(asked), [wait], { ...middle, retryScale: scale })).toBe(Math.round(expected * scale));
        },
      ),
    );
  });

  it("no text breaks it, and what it asks is more than nothing", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
        ),
        (text) => {
          const asked = parseRetryAfter(text, NOW);
          return asked === undefined || asked > 0;
        },
      ),
    );
  });
});
