/** What the pool and its threads say to each other, and the limits both keep. */

/** Wall time of one run. */
export const TIME_LIMIT_MS = 1_000;
/** What a run may allocate, QuickJS itself not counted. */
export const MEMORY_LIMIT_BYTES = 32 * 2 ** 20;
/** Result and console of one run together, in UTF-8. */
export const OUTPUT_LIMIT_BYTES = 64 * 2 ** 10;
/** Longer sources are refused when they are saved. */
export const SOURCE_LIMIT = 256 * 2 ** 10;

/** EVENT: a transformation that returns an event, of which there are no parts to read apart. */
export type JobKind = "SCRIPT" | "TRANSFORMATION" | "EVENT" | "CHECK_SCRIPT" | "CHECK_TRANSFORMATION";

export interface Job {
  kind: JobKind;
  source: string;
  /** JSON text: the globals of a script, the event of a transformation. */
  input: string;
  /** What `Date` says inside, in milliseconds since 1970. */
  now: number;
}

export type Failure = "ERROR" | "TIMEOUT" | "MEMORY";

export type Outcome =
  /** `value`, `headers`: JSON texts; the last two belong to transformations. */
  | { kind: "VALUE"; value: string; headers: string | null; urlSuffix: string | null }
  /** A transformation returned null. */
  | { kind: "NULL" }
  | { kind: "FAILED"; failure: Failure; message: string };

export interface Answer {
  outcome: Outcome;
  console: string[];
  durationMs: number;
}
