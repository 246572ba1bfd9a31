/**
 * Codes: how people and other systems name a definition or a rule. Unique among the living of an organization, never
 * changed. One that is not given is suggested from the name.
 */
import type { PoolClient } from "../db/client.ts";
import { ConflictError, type Issue } from "../errors.ts";
import { withoutTail } from "../text.ts";

const CODE = /^[a-z0-9_]{1,100}$/;
/** CRM.COM's alternative codes are free text. */
const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u;
const MAX_SUGGESTION = 90;

export type CodeForm = "PLAIN" | "PRINTABLE";

/** A code is taken as it is or refused, never mended. */
export function codeIssues(code: string | null | undefined, form: CodeForm): Issue[] {
  if (code === null || code === undefined) return [];
  if (form === "PLAIN") {
    return CODE.test(code) ? [] : [{ path: "code", message: "must be 1 to 100 lower-case letters, digits and underscores" }];
  }
  return PRINTABLE.test(code) && code.trim() !== "" ? [] : [{ path: "code", message: "must be 1 to 100 printable characters" }];
}

/** `Orders (EU)` → `orders_eu`; `webhook` when the name has no usable character. */
export function codeFrom(name: string, fallback: string): string {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "_")
    .slice(0, MAX_SUGGESTION)
    .replace(/^_+/, "");
  const code = withoutTail(words, "_");
  return code === "" ? fallback : code;
}

/** @param taken whatever codes are in use already */
export function firstFree(base: string, taken: ReadonlySet<string>): string {
  if (!taken.has(base)) return base;
  let n = 2;
  while (taken.has(`${base}_${n}`)) n += 1;
  return `${base}_${n}`;
}

/**
 * Holds the organization's catalogue until the transaction ends: those who make, change or delete what ingest matches
 * against do it one after another, so that a suggested code is still free when it is stored. To be taken before the
 * organization's counter, as everywhere.
 */
export async function lockCatalog(client: PoolClient, organizationId: string): Promise<void> {
  await client.query("SELECT 1 FROM organization_catalog WHERE organization_id = $1 FOR UPDATE", [organizationId]);
}

/** The suggestion that is free now; needs `lockCatalog`. */
export async function suggestCode(
  client: PoolClient,
  table: "webhook_definition" | "workflow_rule",
  organizationId: string,
  base: string,
): Promise<string> {
  const { rows } = await client.query<{ code: string }>(
    `SELECT code FROM ${table} WHERE organization_id = $1 AND deleted_at IS NULL AND (code = $2 OR starts_with(code, $2 || '_'))`,
    [organizationId, base],
  );
  return firstFree(base, new Set(rows.map((row) => row.code)));
}

const UNIQUE_VIOLATION = "23505";

/** Turns the database's refusal of a second one into the user's mistake. @throws ConflictError or what it was given */
export function conflictOf(error: unknown, messages: Readonly<Record<string, string>>): never {
  const { code, constraint } = error as { code?: string; constraint?: string };
  const message = code === UNIQUE_VIOLATION ? messages[constraint ?? ""] : undefined;
  if (message) throw new ConflictError(message);
  throw error;
}
