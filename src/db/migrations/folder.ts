/** The migrations that come with this version: a folder each, named `<n>_<name>`. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { statementsOf } from "./statements.ts";
import type { Step, StepwiseModule } from "./step.ts";

export const MIGRATIONS = path.resolve(import.meta.dirname, "../../../prisma/migrations");

export interface Migration {
  name: string;
  /** SHA-256 in hex: of migration.sql, as Prisma records it, or of migration.ts and its steps. */
  checksum: string;
  alone: boolean;
  /** `whole`: one transaction with its record. `steps`: a transaction a step. */
  plan: { kind: "whole"; statements: string[] } | { kind: "steps"; steps: readonly Step[] };
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const checksumOf = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * 0001 begins with CREATE SCHEMA IF NOT EXISTS "public", which asks for CREATE on the database even when the schema is
 * there, a right that nothing else needs; and our tables may live in another schema. The released file stays as it is.
 */
const NEEDLESS = /^CREATE\s+SCHEMA\s+IF\s+NOT\s+EXISTS\s+"public"$/i;

async function readMigration(folder: string, name: string): Promise<Migration> {
  const [code, sql] = await Promise.all(["migration.ts", "migration.sql"].map((file) => textOf(path.join(folder, name, file))));
  if (code !== undefined) {
    const module = (await import(/* @vite-ignore */ pathToFileURL(path.join(folder, name, "migration.ts")).href)) as StepwiseModule;
    const texts = module.steps.map((step) => ("sql" in step ? step.sql : step.name));
    return {
      name,
      checksum: checksumOf([code, ...texts].join("\0")),
      alone: module.alone === true,
      plan: { kind: "steps", steps: module.steps },
    };
  }
  if (sql === undefined) throw new Error(`the migration ${name} has neither migration.sql nor migration.ts`);
  const statements = statementsOf(sql).filter((statement) => !NEEDLESS.test(statement));
  return { name, checksum: checksumOf(sql), alone: false, plan: { kind: "whole", statements } };
}

/** In the order in which they are applied. */
export async function readMigrations(folder = MIGRATIONS): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
  return Promise.all(names.map((name) => readMigration(folder, name)));
}
