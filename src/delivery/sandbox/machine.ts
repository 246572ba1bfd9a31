/**
 * One run in a QuickJS of its own: a fresh WebAssembly instance per run (1.5 ms, measured), so that nothing of one
 * source is there for the next, and nothing has to be cleaned up after a crash.
 *
 * Two walls hold memory. QuickJS counts what it allocates, but not array buffers and some strings (100 MiB of
 * Uint8Array pass a limit of 32 MiB, measured); so the instance's memory has a maximum as well.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import {
  newQuickJSWASMModuleFromVariant,
  newVariant,
  type QuickJSContext,
  type QuickJSHandle,
  type QuickJSWASMModule,
  RELEASE_SYNC,
} from "quickjs-emscripten";
import { systemClock } from "../../clock.ts";
import { isRounded, veil } from "../../wire/json-exact.ts";
import type { Answer, Failure, Job, Outcome } from "./messages.ts";
import { MEMORY_LIMIT_BYTES, OUTPUT_LIMIT_BYTES, TIME_LIMIT_MS } from "./messages.ts";
import { PRELUDE } from "./prelude.ts";

/** @types/node leaves the namespace to the DOM's types, which the server does without. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<never>;
  Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
};

const PAGE = 65_536;
/** QuickJS's own needs: what its build asks for at start. */
const INITIAL_PAGES = 256;
const MAXIMUM_PAGES = INITIAL_PAGES + MEMORY_LIMIT_BYTES / PAGE;
/** Of QuickJS's own stack; the thread's (4 MB) is met first by deep native recursion, and caught as well. */
const STACK_BYTES = 256 * 2 ** 10;

export type Machine = (job: Job) => Promise<Answer>;

/** Compiles QuickJS once. */
export async function createMachine(): Promise<Machine> {
  const resolveFrom = createRequire(createRequire(import.meta.url).resolve("quickjs-emscripten"));
  const wasmModule = await WebAssembly.compile(readFileSync(resolveFrom.resolve("@jitl/quickjs-wasmfile-release-sync/wasm")));
  return async (job) => {
    const wasmMemory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAXIMUM_PAGES });
    const quickjs = await newQuickJSWASMModuleFromVariant(newVariant(RELEASE_SYNC, { wasmModule, wasmMemory: wasmMemory as never }));
    return runOnce(quickjs, job, () => wasmMemory.buffer.byteLength >= MAXIMUM_PAGES * PAGE);
  };
}

/** Thrown to leave a run early; `failure` is what becomes of it. */
class Stopped extends Error {
  readonly failure: Failure;
  constructor(failure: Failure, message: string) {
    super(message);
    this.failure = failure;
  }
}

const TOO_LONG = `took longer than ${TIME_LIMIT_MS / 1000} s`;
const TOO_MUCH_MEMORY = `needed more than ${MEMORY_LIMIT_BYTES / 2 ** 20} MiB of memory`;

const MEMORY_MESSAGES = new Set(["InternalError: out of memory", "InternalError: string too long"]);

function runOnce(quickjs: QuickJSWASMModule, job: Job, memoryIsFull: () => boolean): Answer {
  const started = systemClock.monotonic();
  const lines: string[] = [];
  let timedOut = false;
  let outcome: Outcome;
  try {
    const runtime = quickjs.newRuntime({ memoryLimitBytes: MEMORY_LIMIT_BYTES, maxStackSizeBytes: STACK_BYTES });
    runtime.setInterruptHandler(() => {
      timedOut ||= systemClock.monotonic() - started > TIME_LIMIT_MS;
      return timedOut;
    });
    outcome = evaluate(runtime.newContext(), job, lines);
  } catch (error) {
    outcome = explain(error, memoryIsFull());
  }
  // Whatever was in its way: an interrupted promise job, for one, is only a rejected promise.
  if (timedOut) outcome = failed("TIMEOUT", TOO_LONG);
  return { outcome, console: cut(lines, OUTPUT_LIMIT_BYTES - size(outcome)), durationMs: Math.round(systemClock.monotonic() - started) };
}

function failed(failure: Failure, message: string): Outcome {
  return { kind: "FAILED", failure, message };
}

function explain(error: unknown, memoryIsFull: boolean): Outcome {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof Stopped && error.failure !== "MEMORY" && !(memoryIsFull && message === "thrown: null")) {
    return failed(error.failure, message);
  }
  // A RangeError of the host: native recursion (a parser, JSON) met the end of the thread's stack.
  if (error instanceof RangeError) return failed("ERROR", "InternalError: stack overflow");
  if (memoryIsFull || error instanceof Stopped) return failed("MEMORY", TOO_MUCH_MEMORY);
  return failed("ERROR", "the sandbox gave up on this source");
}

function evaluate(context: QuickJSContext, job: Job, lines: string[]): Outcome {
  const log = context.newFunction("log", (line) => {
    lines.push(context.getString(line));
  });
  const number = (value: number) => context.newNumber(value);
  const prelude = context.unwrapResult(context.evalCode(PRELUDE, "prelude.js"));
  const tools = context.unwrapResult(
    context.callFunction(prelude, context.undefined, number(job.now), number(hash(job.input)), log, number(OUTPUT_LIMIT_BYTES)),
  );
  const use = (name: string, ...args: QuickJSHandle[]) => {
    const result = context.callFunction(context.getProp(tools, name), context.undefined, ...args);
    return result.error ? fail(result.error) : result.value;
  };
  const text = (handle: QuickJSHandle, key: string): string | null => {
    const value = context.getProp(handle, key);
    return context.typeof(value) === "string" ? context.getString(value) : null;
  };
  const fail = (error: QuickJSHandle): never => {
    const described = context.callFunction(context.getProp(tools, "describe"), context.undefined, error);
    if (described.error) throw new Stopped("MEMORY", TOO_MUCH_MEMORY);
    const message = text(described.value, "a") ?? "an exception";
    if (MEMORY_MESSAGES.has(message)) throw new Stopped("MEMORY", TOO_MUCH_MEMORY);
    const line = /(?:script|transformation)\.js:(\d+)/.exec(text(described.value, "b") ?? "")?.[1];
    throw new Stopped("ERROR", line === undefined ? message : `${message} (line ${line})`);
  };
  const run = (source: string, name: string, compileOnly = false): QuickJSHandle => {
    const result = context.evalCode(source, name, { compileOnly });
    return result.error ? fail(result.error) : result.value;
  };
  /** Promises are followed as far as they go without waiting for anything. */
  const settled = (handle: QuickJSHandle): QuickJSHandle => {
    const jobs = context.runtime.executePendingJobs();
    if (jobs.error) fail(jobs.error);
    const state = context.getPromiseState(handle);
    if (state.type === "rejected") return fail(state.error);
    if (state.type === "pending") throw new Stopped("ERROR", "the promise never settles: there is nothing to wait for in here");
    return state.value;
  };

  if (job.kind === "CHECK_SCRIPT") {
    run(job.source, "script.js", true);
    return { kind: "NULL" };
  }
  const read = (parts: QuickJSHandle): Outcome => {
    const kind = text(parts, "kind");
    if (kind === "NULL") return { kind };
    const value = text(parts, "a") ?? "";
    if (kind !== "VALUE") throw new Stopped("ERROR", value);
    const outcome: Outcome = { kind, value, headers: text(parts, "b"), urlSuffix: text(parts, "c") };
    // A source may have changed what writes it.
    if (!isJson(value) || !isJson(outcome.headers ?? "null")) throw new Stopped("ERROR", "the result cannot be written as JSON");
    if (size(outcome) > OUTPUT_LIMIT_BYTES) throw new Stopped("ERROR", `the result is larger than ${OUTPUT_LIMIT_BYTES / 1024} KiB`);
    return outcome;
  };
  if (job.kind === "SCRIPT") {
    use("globals", ...input(context, job));
    return read(use("value", settled(run(job.source, "script.js"))));
  }
  settled(run(job.source, "transformation.js"));
  const transform = run("typeof transform === 'function' ? transform : undefined", "transformation.js");
  if (context.typeof(transform) !== "function") throw new Stopped("ERROR", "must define a function transform(event)");
  if (job.kind === "CHECK_TRANSFORMATION") return { kind: "NULL" };
  return read(use(job.kind === "EVENT" ? "event" : "parts", settled(use("call", transform, ...input(context, job)))));
}

/** The JSON; and once more, where no double holds one of its numbers, with those as texts that prelude.ts knows. */
function input(context: QuickJSContext, job: Job): QuickJSHandle[] {
  const marked = veil(job.input, undefined, isRounded, "\\u0000number:");
  return [job.input, ...(marked === job.input ? [] : [marked])].map((text) => context.newString(text));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    // What is nested too deeply to be read is judged by whoever takes it.
    return error instanceof RangeError;
  }
}

/** Bytes of what a run returned. */
function size(outcome: Outcome): number {
  if (outcome.kind !== "VALUE") return 0;
  return [outcome.value, outcome.headers, outcome.urlSuffix].reduce((sum, part) => sum + Buffer.byteLength(part ?? ""), 0);
}

/** The console, cut to what the result left of the room. */
function cut(lines: string[], room: number): string[] {
  let left = room;
  const fits = lines.findIndex((line) => {
    left -= Buffer.byteLength(line);
    return left < 0;
  });
  return fits < 0 ? lines : [...lines.slice(0, fits), "[the console was cut here]"];
}

/** FNV-1a. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h | 0;
}
