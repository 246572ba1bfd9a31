/** What the primary and its workers tell each other, by structured clone. */
import type { Config } from "../config.ts";
import type { Logins } from "../db/client.ts";
import type { Counts } from "../observe/metrics.ts";

export type ToWorker =
  /** Answers `hello`. The configuration is the primary's: one that takes another's place reads no variables that changed meanwhile. */
  | { kind: "start"; name: string; config: Config; logins: Logins }
  /** Drain, and end. */
  | { kind: "stop" }
  /** These lanes, held there as far as is known, have new work. */
  | { kind: "work"; lanes: string[] }
  | { kind: "count"; id: number }
  /** The dashboard is built, or could not be. */
  | { kind: "dashboard" }
  /** Answers `metrics`; undefined: it could not be done. */
  | { kind: "text"; id: number; text: string | undefined };

export type ToPrimary =
  | { kind: "hello" }
  | { kind: "up" }
  /** Why it ends. */
  | { kind: "failed"; message: string }
  /** Told to end by somebody else: it drains, and another may take its place. */
  | { kind: "leaving" }
  /** In this order: what it holds now and no longer, then lanes of others that have new work. */
  | { kind: "lanes"; got: string[]; left: string[]; work: string[] }
  /** Answers `count`; without an id: the last word of one that ends. */
  | { kind: "counts"; id: number | undefined; counts: Counts }
  /** Asks for everybody's. */
  | { kind: "metrics"; id: number };

const KINDS: ReadonlySet<string> = new Set<ToPrimary["kind"]>(["hello", "up", "failed", "leaving", "lanes", "counts", "metrics"]);

/** Others speak on the same channel: `node --watch` has each process tell what it loads. */
export function isToPrimary(message: unknown): message is ToPrimary {
  return typeof message === "object" && message !== null && KINDS.has(String((message as { kind?: unknown }).kind));
}
