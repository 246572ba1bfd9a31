/** What a migration.ts exports: an ordered list of steps, each a transaction of its own with its mark. */
import type { ClientBase } from "pg";

/** What a batched step hands to its next call. */
export type StepState = Record<string, string | number | boolean | null>;

interface Named {
  /** Never changes once released: it is the step's mark. */
  name: string;
}

/** One or more statements. */
export interface SqlStep extends Named {
  sql: string;
}

export interface CodeStep extends Named {
  run(client: ClientBase): Promise<void>;
}

/** Called again until it says done; each call is one transaction with its mark. */
export interface BatchedStep extends Named {
  /** @param state what the last call returned; undefined at first */
  batch(
    client: ClientBase,
    state: StepState | undefined,
  ): Promise<{ done: boolean; state?: StepState /** 0 to 1, for the log. */; fraction?: number }>;
}

export type Step = SqlStep | CodeStep | BatchedStep;

export interface StepwiseModule {
  steps: readonly Step[];
  /** No other Hookline may be connected while it runs: an upgrade with a stop. */
  alone?: boolean;
}
