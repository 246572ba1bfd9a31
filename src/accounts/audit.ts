/** Who did what: append-only (a trigger refuses change), secrets masked before they get here. */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { AuditEntry } from "../db/generated/prisma/client.ts";
import type { Caller } from "./caller.ts";
import { demand } from "./caller.ts";
import { COUNTED, type KeysetPage, newestFirst } from "./keyset.ts";

export type { AuditEntry };

export interface Subject {
  /** A node type, such as `WebhookDefinition`. */
  type: string;
  /** UUID. */
  id: string;
}

const SECRET = /password|secret|token|authorization|cookie|ciphertext|hash|headers|seed|private|credential/i;
/** Names that only sound like secrets. */
const HARMLESS = /^(tokenPrefix|secretKeyId|signatureVersions)$/;
const MASK = "***";

/** A copy fit for the audit log: JSON only, every value under a name that sounds like a secret masked. */
export function masked(value: unknown, name = ""): unknown {
  if (value === undefined || value === null) return null;
  if (SECRET.test(name) && !HARMLESS.test(name) && typeof value !== "boolean") return MASK;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return MASK;
  if (Array.isArray(value)) return value.map((item) => masked(item, name));
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, masked(inner, key)]])));
  }
  return value;
}

/** What can run a statement: the pool, or the client of a transaction. */
interface Queryable {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/**
 * Writes one entry.
 * @param action `webhookDefinition.update`, `apiToken.create` …
 * @param client of the transaction that makes the change, so that both stand or fall together
 */
export async function audit(
  core: Core,
  caller: Caller,
  action: string,
  subject: Subject | undefined,
  before: unknown,
  after: unknown,
  client: Queryable = core.db.tenant(caller.organizationId),
): Promise<void> {
  const json = (value: unknown) => (value === undefined || value === null ? null : JSON.stringify(masked(value)));
  await client.query(
    `INSERT INTO audit_entry (id, organization_id, user_id, token_prefix, address, action, subject_type, subject_id, before, after)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      newId(core.clock),
      caller.organizationId,
      caller.userId ?? null,
      caller.tokenPrefix ?? null,
      caller.address ?? null,
      action,
      subject?.type ?? null,
      subject?.id ?? null,
      json(before),
      json(after),
    ],
  );
}

/** Newest first. @throws ForbiddenError without the scope admin */
export async function listAuditEntries(
  core: Core,
  caller: Caller,
  page: KeysetPage,
): Promise<{ rows: AuditEntry[]; count: () => Promise<number> }> {
  demand(caller, "admin");
  const where = { organizationId: caller.organizationId };
  const rows = await core.db.prisma.auditEntry.findMany(newestFirst(where, page));
  return { rows, count: () => core.db.prisma.auditEntry.count({ ...COUNTED, where }) };
}
