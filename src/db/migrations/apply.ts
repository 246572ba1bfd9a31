/** One migration, applied: whole with its record in one transaction, or step by step with a mark in each step's own. */
import type { ClientBase } from "pg";
import { DatabaseRefusal } from "../refusal.ts";
import { identifier } from "../session.ts";
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

const SHOWN = 200;

/** Postgres's own sentence, the statement, and what to grant where a right is missing. */
async function explained(client: ClientBase, migration: string, statement: string, error: unknown): Promise<Error> {
  const { code, message } = error as { code?: string; message?: string };
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) return error as Error;
  const { rows } = await client.query<{ role: string; schema: string }>("SELECT current_user AS role, current_schema() AS schema");
  const { role = "", schema = "public" } = rows[0] ?? {};
  const mend =
    code === "42501"
      ? `; GRANT CREATE, USAGE ON SCHEMA ${identifier(schema)} TO ${identifier(role)} (the role must own the tables that an earlier version made), then start again`
      : "";
  const shown = statement.replace(/\s+/g, " ");
  return new DatabaseRefusal(
    `the migration ${migration} was not applied, nothing of it is kept: ${message}, in: ${shown.slice(0, SHOWN)}${shown.length > SHOWN ? "…" : ""}${mend}`,
    { cause: error },
  );
}

/** @throws DatabaseRefusal, with everything rolled back */
async function transact(
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
  tell: (progress: MigrationProgress) => void,
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
  tell: (progress: MigrationProgress) => void,
): Promise<void> {
  const { plan } = migration;
  if (plan.kind === "whole") await applyWhole(client, migration, plan.statements);
  else await applySteps(client, migration, plan.steps, begun, tell);
}
