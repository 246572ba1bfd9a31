/** Single sign-on: from what an OpenID provider says of somebody to a user and a session. */
import { z } from "zod";
import type { OidcConfig } from "../config/oidc.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { ConflictError, HooklineError } from "../errors.ts";
import { audit } from "./audit.ts";
import type { Caller, Role } from "./caller.ts";
import { organizationsNamed } from "./candidates.ts";
import { operatorCaller } from "./operator.ts";
import { beginSession, noteSignIn, type Session } from "./sessions.ts";
import { USER_COLUMNS, type User } from "./user-row.ts";
import { insertUser, isLastAdmin } from "./users.ts";

/** Of the ID token and of the userinfo endpoint. */
export type Claims = { sub: string } & Record<string, unknown>;

/** Why somebody whom the provider knows is not let in. */
export type Refusal = "role" | "email" | "unverified" | "taken" | "disabled" | "organization";

const SENTENCES: Record<Refusal, string> = {
  role: "your account at the provider has no role here; ask an administrator",
  email: "the provider does not say which e-mail address is yours",
  unverified: "the provider has not verified your e-mail address",
  taken: "your e-mail address belongs to another account here; ask an administrator",
  disabled: "your account here is disabled",
  organization: "single sign-on is not set up right: see HOOKLINE_OIDC_ORGANIZATION and the server's log",
};

export class OidcRefusal extends HooklineError {
  readonly code = "FORBIDDEN";
  readonly status = 403;
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(SENTENCES[refusal]);
    this.name = "OidcRefusal";
    this.refusal = refusal;
  }
}

const HIGHEST_FIRST: readonly Role[] = ["ADMIN", "MEMBER", "VIEWER"];

/** A claim by its name, which may hold dots itself, or by a path of names. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split(".").reduce<unknown>((value, key) => {
    return typeof value === "object" && value !== null && Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
  }, claims);
}

/** @returns the highest role that the claim stands for; undefined for none */
export function roleOf(claims: Claims, { roleClaim, roles }: Pick<OidcConfig, "roleClaim" | "roles">): Role | undefined {
  const said = [claimAt(claims, roleClaim)].flat().filter((each) => typeof each === "string");
  return HIGHEST_FIRST.find((role) => roles.some((one) => one.role === role && (one.value === "*" || said.includes(one.value))));
}

async function organizationOf(core: Core, wanted: string | undefined): Promise<string> {
  const ids = wanted === undefined ? [(await operatorCaller(core)).organizationId] : await organizationsNamed(core, wanted);
  const [id] = ids;
  if (id !== undefined && ids.length === 1) return id;
  core.log.error(
    { organization: wanted },
    `HOOKLINE_OIDC_ORGANIZATION names ${ids.length === 0 ? "no organization" : "several organizations"}`,
  );
  throw new OidcRefusal("organization");
}

/** Some providers say it as text. What is there and says nothing that is known does not say yes. */
const verifiedOf = (claim: unknown): boolean | undefined => (claim === undefined ? undefined : claim === true || claim === "true");

/** A NUL cannot be stored: such a name is none, and refuses nobody. */
const text = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .refine((name) => !name.includes("\0"));
const mail = z.email().max(255);

interface Person {
  issuer: string;
  subject: string;
  email: string | undefined;
  /** Undefined: the provider does not say. */
  verified: boolean | undefined;
  name: string | undefined;
  role: Role;
}

/** Known already; or found by a verified e-mail; or new. The row is locked. */
async function userOf(core: Core, client: PoolClient, caller: Caller, person: Person): Promise<User> {
  const { organizationId } = caller;
  const find = async (condition: string, values: unknown[]) =>
    (
      await client.query<User>(
        `SELECT ${USER_COLUMNS} FROM users u WHERE u.organization_id = $1::uuid AND ${condition} FOR NO KEY UPDATE`,
        [organizationId, ...values],
      )
    ).rows[0];
  const { issuer, subject, email, verified } = person;
  const known = await find("u.oidc_issuer = $2::text AND u.oidc_subject = $3::text", [issuer, subject]);
  if (known) return known;
  if (email === undefined) throw new OidcRefusal("email");
  // Whoever may write any address into their profile at the provider must not become somebody else here.
  if (verified === false) throw new OidcRefusal("unverified");
  const same = await find("(u.email = $2::text OR u.username = $2::text)", [email]);
  if (!same) {
    const { name, role } = person;
    const user = { organizationId, email, username: null, name: name ?? email, role, passwordHash: null, oidc: { issuer, subject } };
    const made = await insertUser(core, client, user).catch((error: unknown) => {
      throw error instanceof ConflictError ? new OidcRefusal("taken") : error;
    });
    await audit(core, caller, "user.create", { type: "User", id: made.id }, null, made, client);
    return made;
  }
  if (same.oidcSubject !== null || same.email !== email) throw new OidcRefusal("taken");
  if (verified !== true) throw new OidcRefusal("unverified");
  await client.query(
    "UPDATE users SET oidc_issuer = $3::text, oidc_subject = $4::text WHERE id = $1::uuid AND organization_id = $2::uuid",
    [same.id, organizationId, issuer, subject],
  );
  const after = { ...same, oidcIssuer: issuer, oidcSubject: subject };
  await audit(core, caller, "user.update", { type: "User", id: same.id }, same, after, client);
  return after;
}

/**
 * The provider says who somebody is at each sign-in; the user that the operator's token acts as stays an administrator, and so does an
 * organization's last one: nobody there could give the role back. (Their own row is locked before the others': of two who are told so at
 * once the database lets one begin anew.)
 */
async function withRole(core: Core, client: PoolClient, caller: Caller, user: User, role: Role): Promise<void> {
  if (user.role === role) return;
  if (user.role === "ADMIN" && (await isLastAdmin(client, user.organizationId, user.id))) {
    core.log.warn(
      { userId: user.id, organizationId: user.organizationId, role },
      "the last administrator of an organization stays one, though the provider says another role",
    );
    return;
  }
  const { rowCount } = await client.query(
    `UPDATE users SET role = $3::role, updated_at = now() WHERE id = $1::uuid AND organization_id = $2::uuid
       AND NOT EXISTS (SELECT 1 FROM api_token t WHERE t.user_id = $1::uuid AND t.operator)`,
    [user.id, user.organizationId, role],
  );
  if (rowCount) await audit(core, caller, "user.update", { type: "User", id: user.id }, { role: user.role }, { role }, client);
}

/**
 * @param claims from a token that was verified
 * @throws OidcRefusal
 */
export async function signInByProvider(core: Core, config: OidcConfig, claims: Claims, address: string): Promise<Session> {
  // Of nobody: all who had it would be one.
  if (claims.sub === "") throw new Error("the provider's token names nobody: its subject is empty");
  // As text in the database, half a surrogate pair is U+FFFD: two subjects would be one.
  if (!claims.sub.isWellFormed() || claims.sub.includes("\0")) throw new Error("the provider's token has a subject that is no text");
  const role = roleOf(claims, config);
  if (role === undefined) throw new OidcRefusal("role");
  const organizationId = await organizationOf(core, config.organization);
  const person: Person = {
    ...{ issuer: config.issuer, subject: claims.sub, role },
    email: mail.safeParse(claims["email"]).data?.toLowerCase(),
    verified: verifiedOf(claims["email_verified"]),
    name: text.safeParse(claims["name"]).data ?? text.safeParse(claims["preferred_username"]).data,
  };
  const none = { scopes: new Set<never>(), operator: false, application: undefined, credentialId: undefined, tokenPrefix: "oidc" };
  let disabled: string | undefined;
  const signIn = core.db.tenantTransaction(organizationId, async (client) => {
    const caller: Caller = { organizationId, userId: undefined, role, address, ...none };
    const found = await userOf(core, client, caller, person);
    if (found.disabledAt !== null) {
      disabled = found.id;
      throw new OidcRefusal("disabled");
    }
    await withRole(core, client, { ...caller, userId: found.id }, found, role);
    return found;
  });
  const user = await signIn.catch(async (error: unknown) => {
    if (disabled !== undefined) await noteSignIn(core, "user.signInFailed", disabled, { organizationId, address });
    throw error;
  });
  return beginSession(core, user, address);
}
