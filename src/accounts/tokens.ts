/** API tokens: 32 random bytes behind `hkl_`, shown once; only their SHA-256 is stored. */
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { ApiToken } from "../db/generated/prisma/client.ts";
import { ForbiddenError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { hashToken, newToken } from "../vault.ts";
import { audit } from "./audit.ts";
import { forgetCredentials, TOKEN_PREFIX } from "./authenticate.ts";
import { type Caller, demand, outranks, ROLE_SCOPES, type Role, SCOPES, type Scope } from "./caller.ts";
import { COUNTED, type KeysetPage, newestFirst } from "./keyset.ts";

/** So many characters of a token are kept in clear, for people to recognise it by. */
const SHOWN = 8;

export function shownPrefix(token: string): string {
  return token.slice(0, SHOWN);
}

/** Makes and stores a token; who may is the caller's to check. */
export async function issueToken(
  core: Core,
  input: {
    organizationId: string;
    userId: string;
    name: string;
    role: Role;
    scopes?: readonly Scope[];
    application?: string | null;
    expiresAt?: Date | null;
    eventsPerSecond?: number | null;
  },
): Promise<{ apiToken: ApiToken; token: string }> {
  const token = newToken(TOKEN_PREFIX);
  const apiToken = await core.db.unscoped.apiToken.create({
    data: {
      id: newId(core.clock),
      organizationId: input.organizationId,
      userId: input.userId,
      name: input.name,
      prefix: shownPrefix(token),
      hash: hashToken(token),
      role: input.role,
      scopes: [...(input.scopes ?? ROLE_SCOPES[input.role])],
      application: input.application ?? null,
      expiresAt: input.expiresAt ?? null,
      eventsPerSecond: input.eventsPerSecond ?? null,
    },
  });
  return { apiToken, token };
}

export interface ApiTokenInput {
  name: string;
  role?: Role | null | undefined;
  /** None: all that role and caller allow. */
  scopes?: readonly string[] | null | undefined;
  application?: string | null | undefined;
  expiresAt?: Date | null | undefined;
  /** Of events, beside the organization's own quota. */
  eventsPerSecond?: number | null | undefined;
}

function checkInput(core: Core, input: ApiTokenInput): Issue[] {
  const issues: Issue[] = [];
  if (input.name.trim() === "" || input.name.length > 255) issues.push({ path: "name", message: "must have 1 to 255 characters" });
  if (input.application != null && (input.application.trim() === "" || input.application.length > 255)) {
    issues.push({ path: "application", message: "must have 1 to 255 characters" });
  }
  if (input.expiresAt && input.expiresAt.getTime() <= core.clock.now().getTime()) {
    issues.push({ path: "expiresAt", message: "must lie in the future" });
  }
  if (input.eventsPerSecond != null && !(Number.isInteger(input.eventsPerSecond) && input.eventsPerSecond >= 1)) {
    issues.push({ path: "eventsPerSecond", message: "must be a whole number from 1, or null for no rate of its own" });
  }
  const known: readonly string[] = SCOPES;
  for (const [i, scope] of (input.scopes ?? []).entries()) {
    if (!known.includes(scope)) issues.push({ path: `scopes.${i}`, message: `unknown scope; known are ${SCOPES.join(", ")}` });
  }
  return issues;
}

/**
 * A token that acts as the caller.
 * @returns the token in clear: it is shown once
 * @throws ForbiddenError for a role or scopes beyond the caller's; ValidationError
 */
export async function createApiToken(core: Core, caller: Caller, input: ApiTokenInput): Promise<{ apiToken: ApiToken; token: string }> {
  demand(caller, "admin");
  const issues = checkInput(core, input);
  if (issues.length > 0) throw new ValidationError(issues);
  if (caller.userId === undefined) throw new ForbiddenError("a token acts as a user; the system is none");
  const role = input.role ?? "ADMIN";
  const allowed = ROLE_SCOPES[role].filter((scope) => caller.scopes.has(scope));
  const scopes = input.scopes ? (input.scopes as readonly Scope[]) : allowed;
  if (outranks(role, caller.role) || scopes.some((scope) => !allowed.includes(scope))) {
    throw new ForbiddenError("a token never gives more than its maker and its role have");
  }
  if (caller.application !== undefined && ![undefined, null, caller.application].includes(input.application))
    throw new ForbiddenError("a token of an application makes tokens of that one only");
  const made = await issueToken(core, {
    organizationId: caller.organizationId,
    userId: caller.userId,
    name: input.name.trim(),
    role,
    scopes: [...new Set(scopes)],
    application: input.application ?? caller.application ?? null,
    expiresAt: input.expiresAt ?? null,
    eventsPerSecond: input.eventsPerSecond ?? null,
  });
  await audit(core, caller, "apiToken.create", { type: "ApiToken", id: made.apiToken.id }, null, made.apiToken);
  return made;
}

/**
 * Ends a token on every process within 1 s, and its subscriptions. Revoking twice changes nothing.
 * @throws NotFoundError; ForbiddenError for the bootstrap token
 */
export async function revokeApiToken(core: Core, caller: Caller, id: string): Promise<ApiToken> {
  demand(caller, "admin");
  const where = { id, organizationId: caller.organizationId };
  const before = await core.db.prisma.apiToken.findUnique({ where });
  if (!before) throw new NotFoundError("the API token");
  if (before.operator) throw new ForbiddenError("the bootstrap token is changed with HOOKLINE_ADMIN_TOKEN, not revoked");
  if (before.revokedAt) return before;
  const after = await core.db.prisma.apiToken.update({ where, data: { revokedAt: core.clock.now() } });
  forgetCredentials(core);
  await audit(core, caller, "apiToken.revoke", { type: "ApiToken", id }, before, after);
  return after;
}

/** Newest first, the revoked ones too. */
export async function listApiTokens(
  core: Core,
  caller: Caller,
  page: KeysetPage,
): Promise<{ rows: ApiToken[]; count: () => Promise<number> }> {
  demand(caller, "admin");
  const where = { organizationId: caller.organizationId };
  return {
    rows: await core.db.prisma.apiToken.findMany(newestFirst(where, page)),
    count: () => core.db.prisma.apiToken.count({ ...COUNTED, where }),
  };
}
