/**
 * From a token to who calls. What the database said is believed for at most 1 s, and forgotten at once when a `revoked`
 * notification comes, which the database itself sends with every change of rights (migration 0003): a revocation acts on
 * every process within 1 s even if the notification is lost.
 */
import type { Core } from "../core.ts";
import type { SessionKind } from "../db/generated/prisma/client.ts";
import { hashToken, looksWhole, sameBytes, tokenKey } from "../vault.ts";
import { type Caller, outranks, ROLE_SCOPES, type Role, type Scope } from "./caller.ts";

export const TOKEN_PREFIX = "hkl";

export interface Credential {
  caller: Caller;
  /** Of the token or session; for a session made from an API token, whichever ends first. */
  expiresAt: Date | undefined;
  /** Undefined for an API token. */
  session: { id: string; kind: SessionKind; unit: string | undefined; webServiceId: string | undefined } | undefined;
  /** Ids by which a `revoked` notification may name it: of itself, of its API token, of its user. */
  revokedBy: readonly string[];
}

/** What a credential allows, as one text: two with the same text may do the same. */
export function rightsOf({ caller }: Credential): string {
  const { organizationId, userId, role, scopes, operator, application, portal } = caller;
  return JSON.stringify([organizationId, userId, role, [...scopes].sort(), operator, application, portal?.applicationId]);
}

interface Row {
  id: string;
  organization_id: string;
  user_id: string | null;
  user_role: Role | null;
  user_number: number | null;
  hash: Uint8Array;
  role: Role | null;
  scopes: Scope[] | null;
  application: string | null;
  operator: boolean | null;
  prefix: string | null;
  token_id: string | null;
  token_used_at: Date | null;
  token_rate: number | null;
  expires_at: Date | null;
  kind: SessionKind | null;
  unit: string | null;
  web_service_id: string | null;
  application_id: string | null;
  application_uid: string | null;
  read_only: boolean;
}

/** Longest belief, in milliseconds. */
const FRESH_MS = 900;
const MAX_CACHED = 10_000;
/** `last_used_at` is right to the minute. */
const USED_AFTER_MS = 60_000;

const LOOKUP = `
  SELECT t.id, t.organization_id, t.user_id, u.role AS user_role, u.number AS user_number, t.hash, t.role, t.scopes, t.application, t.operator, t.prefix,
    t.id AS token_id, t.last_used_at AS token_used_at, t.events_per_second AS token_rate, t.expires_at, NULL::session_kind AS kind, NULL AS unit, NULL::uuid AS web_service_id,
    NULL::uuid AS application_id, NULL AS application_uid, false AS read_only
  FROM api_token t JOIN users u ON u.id = t.user_id
  WHERE t.hash = ANY($1::bytea[]) AND t.revoked_at IS NULL AND u.disabled_at IS NULL
  UNION ALL
  SELECT s.id, s.organization_id, coalesce(s.user_id, t.user_id), u.role, u.number, s.hash, t.role, t.scopes, t.application, false, t.prefix,
    t.id, t.last_used_at, t.events_per_second, least(s.expires_at, t.expires_at), s.kind, s.unit, s.web_service_id,
    s.application_id, a.uid, s.read_only
  FROM session s LEFT JOIN api_token t ON t.id = s.api_token_id LEFT JOIN users u ON u.id = coalesce(s.user_id, t.user_id)
    LEFT JOIN application a ON a.id = s.application_id
  WHERE s.hash = ANY($1::bytea[]) AND s.revoked_at IS NULL AND t.revoked_at IS NULL AND u.disabled_at IS NULL AND a.deleted_at IS NULL`;

const NOBODY = Promise.resolve(undefined);

interface Entry {
  since: number;
  found: Promise<Credential | undefined>;
}

class Credentials {
  readonly #core: Core;
  readonly #entries = new Map<string, Entry>();
  readonly #used = new Map<string, number>();

  constructor(core: Core) {
    this.#core = core;
    core.notify.on("revoked", () => this.forget());
  }

  forget(): void {
    this.#entries.clear();
  }

  find(token: string): Promise<Credential | undefined> {
    const key = tokenKey(token);
    const now = this.#core.clock.monotonic();
    const entry = this.#entries.get(key);
    if (entry && now - entry.since < FRESH_MS) return entry.found;
    if (isBroken(this.#core, token)) return NOBODY;
    if (this.#entries.size >= MAX_CACHED) this.#entries.clear();
    const found = this.#load(hashToken(token));
    this.#entries.set(key, { since: now, found });
    // A failure is nobody's answer but this call's.
    found.catch(() => this.#entries.delete(key));
    return found;
  }

  async #load(hash: Uint8Array): Promise<Credential | undefined> {
    const { rows } = await this.#core.db.pool.query<Row>({ name: "credential", text: LOOKUP, values: [[hash]] });
    const row = rows[0];
    if (!row || !sameBytes(row.hash, hash)) return undefined;
    this.#touch(row);
    return credentialOf(row);
  }

  /** Lazily, and never in the way of the call. */
  #touch(row: Row): void {
    const now = this.#core.clock.now().getTime();
    const last = Math.max(row.token_used_at?.getTime() ?? 0, this.#used.get(row.token_id ?? "") ?? 0);
    if (row.token_id === null || now - last < USED_AFTER_MS) return;
    this.#used.set(row.token_id, now);
    this.#core.db.pool
      .query("UPDATE api_token SET last_used_at = now() WHERE id = $1", [row.token_id])
      .catch((error: Error) => this.#core.log.debug({ err: error.message }, "last use of a token was not noted"));
  }
}

/** What a portal's session may; api/graphql/portal.ts says of what. */
function portalCaller(row: Row, applicationId: string): Caller {
  const scopes: Scope[] = row.read_only ? ["webhooks:read"] : ["webhooks:read", "webhooks:write"];
  return {
    organizationId: row.organization_id,
    ...{ userId: undefined, application: undefined, address: undefined, operator: false, credentialId: row.id },
    role: row.read_only ? "VIEWER" : "MEMBER",
    scopes: new Set(scopes),
    portal: { applicationId },
    tokenPrefix: `portal:${row.application_uid}`,
  };
}

function credentialOf(row: Row): Credential {
  if (row.kind === "PORTAL" && row.application_id !== null) {
    const session = { id: row.id, kind: row.kind, unit: undefined, webServiceId: undefined };
    return { caller: portalCaller(row, row.application_id), expiresAt: row.expires_at ?? undefined, session, revokedBy: [row.id] };
  }
  // A session of a web service (doForms) is nobody's: it may do what its own face lets it, and nothing else.
  const userRole = row.user_role ?? "VIEWER";
  const role = row.role && outranks(userRole, row.role) ? row.role : userRole;
  const allowed: readonly Scope[] = row.user_role ? ROLE_SCOPES[role] : [];
  const scopes = row.scopes ? allowed.filter((scope) => row.scopes?.includes(scope)) : allowed;
  return {
    caller: {
      organizationId: row.organization_id,
      userId: row.user_id ?? undefined,
      userNumber: row.user_number ?? undefined,
      role,
      scopes: new Set(scopes),
      operator: row.operator ?? false,
      application: row.application ?? undefined,
      unit: row.unit ?? undefined,
      credentialId: row.id,
      tokenRate: row.token_id !== null && row.token_rate !== null ? { id: row.token_id, eventsPerSecond: row.token_rate } : undefined,
      tokenPrefix: row.prefix ?? undefined,
      address: undefined,
    },
    expiresAt: row.expires_at ?? undefined,
    session: row.kind
      ? { id: row.id, kind: row.kind, unit: row.unit ?? undefined, webServiceId: row.web_service_id ?? undefined }
      : undefined,
    revokedBy: [...new Set([row.id, row.token_id, row.user_id].filter((id) => id !== null))],
  };
}

/**
 * What tokens stand for at this moment, in one statement and past every cache: for those who hold on to a credential.
 * @returns by token; one that is unknown, revoked or expired is not among them
 */
export async function credentialsNow(core: Core, tokens: readonly string[]): Promise<Map<string, Credential>> {
  const byHash = new Map(tokens.map((token) => [tokenKey(token), token]));
  const values = [[...byHash.keys()].map((hash) => Buffer.from(hash, "base64url"))];
  const { rows } = await core.db.pool.query<Row>({ name: "credential", text: LOOKUP, values });
  const found = new Map<string, Credential>();
  for (const row of rows) {
    const token = byHash.get(Buffer.from(row.hash).toString("base64url"));
    const credential = credentialOf(row);
    if (token !== undefined && !isExpired(core, credential)) found.set(token, credential);
  }
  return found;
}

/** One cache per Core, that is per process. */
const caches = new WeakMap<Core, Credentials>();

/** For whoever changed rights: the database tells every process, and this one knows before its caller is answered. */
export function forgetCredentials(core: Core): void {
  caches.get(core)?.forget();
}

export function isExpired(core: Core, credential: Credential): boolean {
  return credential.expiresAt !== undefined && credential.expiresAt.getTime() <= core.clock.now().getTime();
}

/** One of ours that was cut or mistyped need not be looked up. The operator may choose any text, one that looks like ours too. */
function isBroken(core: Core, token: string): boolean {
  if (token === core.config.adminToken) return false;
  return token.length > 1024 || (token.startsWith(`${TOKEN_PREFIX}_`) && !looksWhole(token, TOKEN_PREFIX));
}

/**
 * Who a token stands for; undefined when it is unknown, expired, revoked or of another kind.
 * @param kinds which sessions are good here, beside API tokens: a face takes its own, GraphQL the browser's
 * @throws when the database cannot be reached
 */
export async function authenticate(
  core: Core,
  token: string,
  kinds: readonly SessionKind[] = ["BROWSER"],
): Promise<Credential | undefined> {
  let cache = caches.get(core);
  if (!cache) {
    cache = new Credentials(core);
    caches.set(core, cache);
  }
  const credential = await cache.find(token);
  if (!credential || isExpired(core, credential)) return undefined;
  return credential.session === undefined || kinds.includes(credential.session.kind) ? credential : undefined;
}
