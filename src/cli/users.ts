/** `hookline user` and `hookline sign-in-link`: the ways in that need no server, no token and no password. */

import type { Scope } from "../accounts/caller.ts";
import { findOrganization, findUser, firstAdministrator, listAllUsers, operatorCaller } from "../accounts/operator.ts";
import { createSignInLink, signInUrl } from "../accounts/sessions.ts";
import { createApiToken } from "../accounts/tokens.ts";
import { usernameOf } from "../accounts/user-row.ts";
import { createUser, deleteUser, type UserChanges, updateUser } from "../accounts/users.ts";
import type { Config } from "../config.ts";
import { publicUrl, withCore } from "./direct.ts";
import { CliError } from "./fault.ts";
import type { Password } from "./password.ts";
import { expiry, type TokenOptions } from "./token.ts";

const ROLES = ["ADMIN", "MEMBER", "VIEWER"] as const;
type Role = (typeof ROLES)[number];

export function roleOf(text: string): Role {
  const role = ROLES.find((each) => each === text.toUpperCase());
  if (!role) throw new CliError(`--role must be ${ROLES.join(", ")}`);
  return role;
}

export interface Link {
  url: string;
  user: string;
  expiresAt: Date;
}

/** @param user e-mail or user name; the first administrator when absent */
export function signInLink(config: Readonly<Config>, user: string | undefined, organization?: string): Promise<Link> {
  return withCore(config, "sign-in-link", async (core) => {
    const found = user === undefined ? await firstAdministrator(core) : await findUser(core, user, organization);
    const { token, expiresAt } = await createSignInLink(core, found);
    return { url: signInUrl(publicUrl(config), token), user: usernameOf(found), expiresAt };
  });
}

export interface ShownUser {
  id: string;
  organization: string;
  email: string;
  username: string;
  name: string;
  role: Role;
  hasPassword: boolean;
  disabled: boolean;
}

export function listUsers(config: Readonly<Config>): Promise<ShownUser[]> {
  return withCore(config, "user list", async (core) => {
    await operatorCaller(core);
    return (await listAllUsers(core)).map((user) => ({
      id: user.id,
      organization: user.organization.name,
      email: user.email,
      username: usernameOf(user),
      name: user.name ?? "",
      role: user.role,
      hasPassword: user.passwordHash !== null,
      disabled: user.disabledAt !== null,
    }));
  });
}

export interface NewUser {
  email: string;
  name?: string | undefined;
  username?: string | undefined;
  role: string;
  password: Password;
  /** Name or id; the first one when absent. */
  organization?: string | undefined;
}

export function addUser(
  config: Readonly<Config>,
  { email, name, username, role, password, organization }: NewUser,
): Promise<{ id: string }> {
  return withCore(config, "user add", async (core) => {
    const input = { email, name: name ?? email.split("@")[0] ?? email, username, role: roleOf(role), password: password.text };
    const own = organization === undefined ? undefined : { organizationId: await findOrganization(core, organization) };
    return { id: (await createUser(core, await operatorCaller(core, own), input)).id };
  });
}

/** Ends the user's sessions. */
export function setPassword(config: Readonly<Config>, user: string, password: Password, organization?: string): Promise<{ id: string }> {
  return change(config, "set-password", user, organization, { password: password.text });
}

/** Ends the user's sessions. */
export function setRole(config: Readonly<Config>, user: string, role: string, organization?: string): Promise<{ id: string }> {
  return change(config, "set-role", user, organization, { role: roleOf(role) });
}

/** Nothing of a disabled user is good: no password, no session, no token. */
export function setDisabled(config: Readonly<Config>, user: string, disabled: boolean, organization?: string): Promise<{ id: string }> {
  return change(config, disabled ? "disable" : "enable", user, organization, { disabled });
}

function change(
  config: Readonly<Config>,
  command: string,
  user: string,
  organization: string | undefined,
  changes: Omit<UserChanges, "id">,
): Promise<{ id: string }> {
  return withCore(config, `user ${command}`, async (core) => {
    const found = await findUser(core, user, organization);
    return { id: (await updateUser(core, await operatorCaller(core, found), { id: found.id, ...changes })).id };
  });
}

/** Their sessions and tokens end too. */
export function removeUser(config: Readonly<Config>, user: string, organization?: string): Promise<{ id: string }> {
  return withCore(config, "user delete", async (core) => {
    const found = await findUser(core, user, organization);
    return { id: (await deleteUser(core, await operatorCaller(core, found), found.id)).id };
  });
}

/** `hookline token` without any token at hand: made in the database, for the first administrator. */
export function createTokenDirectly(config: Readonly<Config>, name: string, options: TokenOptions): Promise<string> {
  return withCore(config, "token", async (core) => {
    const input = {
      name,
      role: options.role === undefined ? undefined : roleOf(options.role),
      scopes: options.scope as Scope[] | undefined,
      expiresAt: options.expires === undefined ? undefined : expiry(options.expires, new Date()),
    };
    return (await createApiToken(core, await operatorCaller(core), input)).token;
  });
}
