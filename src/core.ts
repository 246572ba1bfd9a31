/** What every domain function stands on; built once in app.ts. */
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import type { Database } from "./db/client.ts";
import type { Notifier } from "./db/notify.ts";
import type { Log } from "./observe/log.ts";
import type { Metrics } from "./observe/metrics.ts";
import type { Refusals } from "./observe/refusals.ts";
import type { Tracing } from "./observe/tracing.ts";
import type { Warnings } from "./observe/warnings.ts";
import type { Vault } from "./vault.ts";

/** The processes beside this one under one primary (HOOKLINE_WORKERS, src/cluster): told over IPC, which costs no statement. */
export interface Siblings {
  /** This process has the lane's lease from now on, or no longer. */
  holds(lane: string, held: boolean): void;
  /** A lane that another process holds has new work: its holder is told, by NOTIFY when it is none of ours. */
  tell(lane: string): void;
}

export interface Core {
  readonly config: Readonly<Config>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly warnings: Warnings;
  /** Told of each call that a quota refuses. */
  readonly refusals: Refusals;
  readonly db: Database;
  readonly notify: Notifier;
  readonly vault: Vault;
  /** Undefined: no spans. */
  readonly tracing?: Tracing;
  /** Undefined: a single process. */
  readonly siblings?: Siblings;
}
