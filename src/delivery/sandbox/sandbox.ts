/**
 * Tenants' JavaScript: scripts (the `crmscript` target) and payload transformations. QuickJS as WebAssembly in worker
 * threads: no network, no timers, no modules, `Date` frozen, 1 s, 32 MiB, 64 KiB of output. What a source does wrong
 * is a value, never an exception; only a fault of ours rejects.
 */
import type { Clock } from "../../clock.ts";
import { systemClock } from "../../clock.ts";
import type { Issue } from "../../errors.ts";
import type { ErrorCode } from "../../wire/dialect.ts";
import { type Answer, type Failure, type JobKind, SOURCE_LIMIT } from "./messages.ts";
import { MOST_TRIED, type Owner } from "./queue.ts";
import { createSandboxPool } from "./threads.ts";
import { readTransformed, type Transformed } from "./transformed.ts";

interface Ran {
  console: string[];
  durationMs: number;
}

export type ScriptResult = Ran &
  (
    | { kind: "DONE" /** JSON text of the last expression's value. */; result: string }
    | { kind: "ERROR"; code: Extract<ErrorCode, "SCRIPT_ERROR" | "SCRIPT_TIMEOUT" | "SCRIPT_MEMORY">; message: string }
  );

export type TransformResult = Ran & (Transformed | { kind: "SKIP" } | { kind: "ERROR"; code: "TRANSFORMATION_ERROR"; message: string });

/** What came in, made an event: of an inbound webhook. */
export type EventResult = Ran &
  (
    | { kind: "EVENT" /** JSON text. */; event: string }
    | { kind: "SKIP" }
    | { kind: "ERROR"; code: "TRANSFORMATION_ERROR"; message: string }
  );

/** Whose run it is, for fairness, and what time it is inside. */
export interface RunContext extends Owner {
  /** What `Date` says; the sandbox clock's when absent. */
  now?: Date;
}

export type SourceKind = "SCRIPT" | "TRANSFORMATION";

export interface Sandbox {
  /** @param eventJson the argument of the source's `transform`, as JSON text */
  transform(source: string, eventJson: string, context: RunContext): Promise<TransformResult>;
  /** @param postJson the argument of the source's `transform`, as JSON text */
  shapeEvent(source: string, postJson: string, context: RunContext): Promise<EventResult>;
  /** @param globals become global variables; must be JSON values */
  runScript(source: string, globals: Readonly<Record<string, unknown>>, context: RunContext): Promise<ScriptResult>;
  /** Why it cannot be saved; the issues' path is "". A transformation's top level is run to find `transform`. */
  check(source: string, options: { kind: SourceKind; organizationId?: string }): Promise<Issue[]>;
  close(): Promise<void>;
}

/** Three: an organization can hold two, and one is left for the others. */
const THREADS = 3;

const SCRIPT_CODES = { ERROR: "SCRIPT_ERROR", TIMEOUT: "SCRIPT_TIMEOUT", MEMORY: "SCRIPT_MEMORY" } as const satisfies Record<
  Failure,
  ErrorCode
>;

export function createSandbox(options: { clock?: Clock; threads?: number } = {}): Sandbox {
  const clock = options.clock ?? systemClock;
  const pool = createSandboxPool(options.threads ?? THREADS);
  const run = (kind: JobKind, source: string, input: string, context: RunContext): Promise<Answer> =>
    pool.run(
      { organizationId: context.organizationId, key: context.key, most: context.most },
      { kind, source, input, now: (context.now ?? clock.now()).getTime() },
    );

  return {
    async transform(source, eventJson, context) {
      const { outcome, ...ran } = await run("TRANSFORMATION", source, eventJson, context);
      if (outcome.kind === "NULL") return { kind: "SKIP", ...ran };
      if (outcome.kind === "FAILED") return { kind: "ERROR", code: "TRANSFORMATION_ERROR", message: outcome.message, ...ran };
      return { ...readTransformed(outcome), ...ran };
    },
    async shapeEvent(source, postJson, context) {
      const { outcome, ...ran } = await run("EVENT", source, postJson, context);
      if (outcome.kind === "NULL") return { kind: "SKIP", ...ran };
      if (outcome.kind === "FAILED") return { kind: "ERROR", code: "TRANSFORMATION_ERROR", message: outcome.message, ...ran };
      return { kind: "EVENT", event: outcome.value, ...ran };
    },
    async runScript(source, globals, context) {
      const { outcome, ...ran } = await run("SCRIPT", source, JSON.stringify(globals), context);
      if (outcome.kind === "FAILED") return { kind: "ERROR", code: SCRIPT_CODES[outcome.failure], message: outcome.message, ...ran };
      return { kind: "DONE", result: outcome.kind === "VALUE" ? outcome.value : "null", ...ran };
    },
    async check(source, { kind, organizationId = "" }) {
      if (source.length > SOURCE_LIMIT) return [{ path: "", message: `must be at most ${SOURCE_LIMIT} characters` }];
      const { outcome } = await run(kind === "SCRIPT" ? "CHECK_SCRIPT" : "CHECK_TRANSFORMATION", source, "{}", {
        organizationId,
        key: "check",
        most: MOST_TRIED,
      });
      return outcome.kind === "FAILED" ? [{ path: "", message: outcome.message }] : [];
    },
    close: () => pool.close(),
  };
}
