/** One migration, applied: whole with its record in one transaction, or step by step with a mark in each step's own. */
import type { ClientBase } from "pg";
import { type RetryOptions, retried } from "../retry.ts";
import { explained } from "./explain.ts";
import type { Migration } from "./folder.ts";
import { makeRecordTable, makeStepTable, mark, readMarks, recordEnd, recordStart } from "./record.ts";
import { statementsOf } from "./statements.ts";
import type { Step, StepState } from "./step.ts";

export interface MigrationProgress {
  migration: string;
  step: string;
  /** From 1. */
  number: number;
  of: number;
  seconds: number;
  /** 0 to 1, within a step that goes on. */
  fraction?: number;
}

export interface ApplyOptions {
  tell(progress: MigrationProgress): void;
  /** Looked at between steps; a statement that runs is cancelled by whoever aborts. */
  signal: AbortSignal | undefined;
}

/**
 * Beside processes that work, locks of a step may cross theirs: whoever of the two Postgres ends begins anew. Each finding
 * takes a second (deadlock_timeout).
 */
const COLLISIONS: RetryOptions = { again: "collisions", tries: 20, patienceMs: 120_000 };

/** @throws DatabaseRefusal, with everything rolled back */
function transact(
  client: ClientBase,
  migration: string,
  work: (run: (statement: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  return retried(() => once(client, migration, work), COLLISIONS);
}

async function once(
  client: ClientBase,
  migration: string,
  work: (run: (statement: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  let current = "BEGIN";
  await client.query("BEGIN");
  try {
    await work(async (statement) => {
      current = statement;
      await client.query(statement);
    });
    current = "COMMIT";
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw await explained(client, migration, current, error).catch(() => error);
  }
}

async function applyWhole(client: ClientBase, { name, checksum }: Migration, statements: readonly string[]): Promise<void> {
  await transact(client, name, async (run) => {
    await makeRecordTable(client);
    const id = await recordStart(client, name, checksum);
    for (const statement of statements) await run(statement);
    await recordEnd(client, id, 1);
  });
}

/** @returns true when the step is done */
async function runStep(
  client: ClientBase,
  migration: string,
  step: Step,
  state: StepState | undefined,
  end: () => Promise<void>,
): Promise<{ done: boolean; fraction?: number | undefined }> {
  let outcome: { done: boolean; fraction?: number | undefined } = { done: true };
  await transact(client, migration, async (run) => {
    let next: StepState | undefined;
    if ("sql" in step) for (const statement of statementsOf(step.sql)) await run(statement);
    else if ("run" in step) await step.run(client);
    else {
      const batch = await step.batch(client, state);
      outcome = { done: batch.done, fraction: batch.fraction };
      next = batch.state;
    }
    await mark(client, migration, step.name, next, outcome.done);
    if (outcome.done) await end();
  });
  return outcome;
}

async function applySteps(
  client: ClientBase,
  { name, checksum }: Migration,
  steps: readonly Step[],
  begun: string | undefined,
  { tell, signal }: ApplyOptions,
): Promise<void> {
  let id = begun;
  if (id === undefined) {
    await transact(client, name, async () => {
      await makeRecordTable(client);
      await makeStepTable(client);
      id = await recordStart(client, name, checksum);
    });
  }
  const last = steps.at(-1);
  for (const [i, step] of steps.entries()) {
    const began = performance.now();
    const read = async () => (await readMarks(client, name)).find((one) => one.step === step.name);
    let known = await read();
    while (known?.finished !== true) {
      signal?.throwIfAborted();
      const outcome = await runStep(client, name, step, known?.state ?? undefined, async () => {
        if (step === last) await recordEnd(client, id as string, steps.length);
      });
      const seconds = Math.round((performance.now() - began) / 100) / 10;
      tell({
        migration: name,
        step: step.name,
        number: i + 1,
        of: steps.length,
        seconds,
        ...(outcome.fraction !== undefined && { fraction: outcome.fraction }),
      });
      known = await read();
    }
  }
}

/** @param begun the id of its record, when an earlier start began it */
export async function applyMigration(
  client: ClientBase,
  migration: Migration,
  begun: string | undefined,
  options: ApplyOptions,
): Promise<void> {
  const { plan } = migration;
  if (plan.kind === "whole") await applyWhole(client, migration, plan.statements);
  else await applySteps(client, migration, plan.steps, begun, options);
}
