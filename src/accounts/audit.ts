/** Who did what: append-only (a trigger refuses change), secrets masked before they get here. */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { AuditEntry } from "../db/generated/prisma/client.ts";
import { isRawNumber } from "../wire/json-exact.ts";
import { isSecretValue, MASK, maskTarget } from "../wire/mask.ts";
import type { Caller } from "./caller.ts";

export type { AuditEntry };

const SECRET = /password|secret|token|authorization|cookie|ciphertext|hash|seed|private|credential|api_?key|passphrase|hiddenProperties/i;
/** Names that only sound like secrets. */
const HARMLESS = /^(tokenPrefix|secretKeyId|signatureVersions|signingSecretLastFour)$/;

export interface Subject {
  /** A node type, such as `WebhookDefinition`. */
  type: string;
  /** UUID. */
  id: string;
}

const HIDDEN = ["headers", "properties"] as const;

/** Members whose values are hidden unless they are public: `headers` and `properties` beside lists of the public ones' names. */
function hiddenMember(owner: Record<string, unknown>, name: (typeof HIDDEN)[number], value: unknown): unknown {
  const names = owner[name === "headers" ? "publicHeaders" : "publicProperties"];
  const open = new Set(Array.isArray(names) ? names.map((one) => String(one).toLowerCase()) : []);
  const shown = (key: string, inner: unknown) => (open.has(key.toLowerCase()) ? masked(inner, key) : MASK);
  if (Array.isArray(value)) return value.map((one) => ({ ...one, value: shown(String(one?.name), one?.value) }));
  if (typeof value !== "object" || value === null) return value === null || value === undefined ? null : MASK;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shown(key, inner)]));
}

/**
 * A copy fit for the audit log, which nothing can be taken out of again: JSON only; masked are values under a name that says
 * "secret", credentials and sealed texts under any name, whatever of an address could be a key, and hidden headers and properties.
 */
export function masked(value: unknown, name = ""): unknown {
  if (value === undefined || value === null) return null;
  if (SECRET.test(name) && !HARMLESS.test(name) && typeof value !== "boolean") return MASK;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === "bigint") return Number(value);
  if (value instanceof Uint8Array) return MASK;
  if (typeof value === "string") return maskedText(value, name);
  if (Array.isArray(value)) return value.map((item) => masked(item, name));
  if (typeof value !== "object" || isRawNumber(value)) return value;
  const owner = value as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(owner).flatMap(([key, inner]): [string, unknown][] => {
      if (inner === undefined) return [];
      const hidden = HIDDEN.find((one) => one === key);
      return [[key, hidden ? hiddenMember(owner, hidden, inner) : masked(inner, key)]];
    }),
  );
}

const SEALED = /^v1\.[^.]+\.[A-Za-z0-9_-]{38,}$/;
const ADDRESS = /^[a-z][a-z0-9+.-]{0,20}:\/\//i;
/** Code and prose keep the addresses that they quote. */
const PROSE = /^(source|transformation|payloadQuery|description)$/;

function maskedText(text: string, name: string): string {
  if (isSecretValue(text) || SEALED.test(text)) return MASK;
  return ADDRESS.test(text) && !PROSE.test(name) ? maskTarget(text) : text;
}

/** Whoever is asked about it: a caller, or somebody who only tries to become one. */
export type AuditCaller = Pick<Caller, "organizationId" | "userId"> & Partial<Pick<Caller, "tokenPrefix" | "address">>;

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
  caller: AuditCaller,
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
