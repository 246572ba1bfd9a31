/** Who calls: every door makes one of these, every domain function of a tenant takes one. */
import { ForbiddenError } from "../errors.ts";
import type { TraceContext } from "../observe/tracing.ts";

export type Role = "ADMIN" | "MEMBER" | "VIEWER";

export const SCOPES = ["webhooks:read", "webhooks:write", "events:write", "goals:read", "goals:write", "secrets:read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

const READ: readonly Scope[] = ["webhooks:read", "goals:read"];
const WRITE: readonly Scope[] = [...READ, "webhooks:write", "events:write", "goals:write"];

/** What a role allows; a token's own scopes only narrow it. */
export const ROLE_SCOPES: Record<Role, readonly Scope[]> = { ADMIN: SCOPES, MEMBER: WRITE, VIEWER: READ };

const RANK: Record<Role, number> = { VIEWER: 0, MEMBER: 1, ADMIN: 2 };

export function outranks(role: Role, other: Role): boolean {
  return RANK[role] > RANK[other];
}

export interface Caller {
  organizationId: string;
  /** Undefined: the system itself. */
  userId: string | undefined;
  /** Of that user; SuperOffice's AssociateId. */
  userNumber?: number | undefined;
  role: Role;
  scopes: ReadonlySet<Scope>;
  /** The bootstrap token alone: may create organizations and switch features. */
  operator: boolean;
  /** The partner application that acts (SuperOffice). */
  application: string | undefined;
  /** Given at sign-in, free text: shown in CRM.COM's log_information, and nothing else. */
  unit?: string | undefined;
  /** Of the API token or session, for revocation. */
  credentialId: string | undefined;
  /** Of an API token with a rate of events of its own: its id, and events a second. */
  tokenRate?: { id: string; eventsPerSecond: number } | undefined;
  /** A session of the portal: this application is all that it sees (api/graphql/portal.ts). */
  portal?: { applicationId: string } | undefined;
  /** For the audit log. */
  tokenPrefix: string | undefined;
  address: string | undefined;
  /** Of the HTTP call: what it makes happen is of the same trace. */
  trace?: TraceContext | undefined;
}

/** @throws ForbiddenError */
export function demand(caller: Caller, scope: Scope): void {
  if (!caller.scopes.has(scope)) throw new ForbiddenError(`this needs the scope ${scope}`);
}

/**
 * What people do with their own account: whoever signed in may, whatever their role; an API token is not the person, and needs the scope admin.
 * @throws ForbiddenError
 */
export function demandOwn(caller: Caller): void {
  if (caller.tokenPrefix !== undefined) demand(caller, "admin");
}
