/** What may happen, as data: fast-check makes histories of these and shrinks them. */
import fc from "fast-check";
import type { Death } from "../helpers/node.ts";

export type Move =
  | { kind: "emit"; organization: number; node: number; type: "a" | "b"; entity: number; count: number; batch: boolean; wait: boolean }
  | { kind: "mood"; organization: number; definition: number; fail: number; slowMs: number }
  | { kind: "kill"; node: number; how: Death }
  /** One definition's receiver hangs: a canary of the same organization must not. */
  | { kind: "hang"; organization: number; definition: number }
  | { kind: "pause" | "resume"; pick: number }
  | { kind: "stop" | "activate"; organization: number; definition: number }
  | { kind: "resend" | "skip" | "cancel" | "retryNow"; pick: number }
  /** Its ordering changes, whatever is queued. */
  | { kind: "reorder"; organization: number; definition: number; ordering: "DEFINITION" | "KEY" | "NONE" }
  /** Refused while requests wait. */
  | { kind: "redialect"; organization: number; definition: number; dialect: "STANDARD" | "CRMCOM" }
  /** And another one takes its place. */
  | { kind: "delete"; organization: number; definition: number }
  /** What it missed while it was stopped, or what was rejected, is sent after all. */
  | { kind: "recover"; organization: number; definition: number; what: "MISSED" | "REJECTED" }
  | { kind: "pauseAll" | "resumeAll"; organization: number }
  /** What is settled by now goes. */
  | { kind: "retention" }
  /** Every node dies at once; a backup is restored into an empty database, and all goes on there. */
  | { kind: "restore" }
  | { kind: "wait"; ms: number };

const organization = fc.nat({ max: 1 });
const definition = fc.nat({ max: 3 });
const pick = fc.nat({ max: 1_000 });

export const moves: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant("emit" as const),
      organization,
      node: fc.nat({ max: 2 }),
      type: fc.constantFrom("a" as const, "b" as const),
      entity: fc.nat({ max: 2 }),
      count: fc.integer({ min: 1, max: 6 }),
      batch: fc.boolean(),
      wait: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("mood" as const),
      organization,
      definition,
      fail: fc.constantFrom(0, 30, 70),
      slowMs: fc.constantFrom(0, 5, 25),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("kill" as const),
      node: fc.nat({ max: 1 }),
      how: fc.constantFrom<Death>("NOW", "AT_BEGIN", "AFTER_COMMIT"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hang" as const), organization, definition }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("pause" as const, "resume" as const), pick }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("stop" as const, "activate" as const), organization, definition }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom("resend" as const, "skip" as const, "cancel" as const, "retryNow" as const), pick }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("reorder" as const),
      organization,
      definition,
      ordering: fc.constantFrom("DEFINITION" as const, "KEY" as const, "NONE" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("redialect" as const),
      organization,
      definition,
      dialect: fc.constantFrom("STANDARD" as const, "CRMCOM" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), organization, definition }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("recover" as const),
      organization,
      definition,
      what: fc.constantFrom("MISSED" as const, "REJECTED" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("pauseAll" as const, "resumeAll" as const), organization }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("retention" as const) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.nat({ max: 60 }) }) },
);
