/** Users, signing in and out, and the audit log. */
import { afterAll, describe, expect, test } from "vitest";
import { audit, masked } from "../../src/accounts/audit.ts";
import { listAuditEntries } from "../../src/accounts/audit-log.ts";
import { authenticate } from "../../src/accounts/authenticate.ts";
import { createOrganization, setOrganizationFeature, updateOrganization } from "../../src/accounts/organizations.ts";
import { createSession, createSignInLink, redeemSignInLink, signIn, signOut } from "../../src/accounts/sessions.ts";
import { createUser, deleteUser, listUsers, updateUser } from "../../src/accounts/users.ts";
import { newId } from "../../src/clock.ts";
import { ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError, ValidationError } from "../../src/errors.ts";
import { testCore } from "../helpers/database.ts";

const t = await testCore();
afterAll(t.close);
const { core, admin } = t;
const PASSWORD = "correct horse battery";
let serial = 0;
const add = (input: Partial<Parameters<typeof createUser>[2]> = {}, caller = admin) =>
  createUser(core, caller, { email: `user${++serial}@example.test`, name: "Ann", password: PASSWORD, role: "MEMBER", ...input });
const everything = { limit: 100, fromBack: false, after: undefined, before: undefined };

describe("users", () => {
  test("the e-mail is the username when there is none, in small letters", async () => {
    expect(await add({ email: "Bea@Example.test" })).toMatchObject({
      email: "bea@example.test",
      username: "bea@example.test",
      role: "MEMBER",
    });
  });

  test("an e-mail or username that somebody answers to is a conflict, over all organizations", async () => {
    const other = await t.organization();
    await add({ email: "taken@example.test", username: "taken" });
    for (const input of [{ email: "TAKEN@example.test" }, { username: "taken" }, { username: "taken@example.test" }]) {
      await expect(add(input, other.admin)).rejects.toThrow(ConflictError);
    }
  });

  test.each([
    [{ email: "nobody" }, "email"],
    [{ name: " " }, "name"],
    [{ password: "short" }, "password"],
    [{ username: "a b" }, "username"],
  ])("%j breaks a rule", async (input, path) => {
    await expect(add(input)).rejects.toMatchObject({ issues: [{ path }] });
    await expect(add(input)).rejects.toThrow(ValidationError);
  });

  test("only with the scope admin, and never a role above one's own", async () => {
    await expect(add({}, await t.caller("MEMBER"))).rejects.toThrow(ForbiddenError);
    await expect(add({}, { ...admin, scopes: new Set(["webhooks:write"]) })).rejects.toThrow(ForbiddenError);
    await expect(add({ role: "ADMIN" }, { ...admin, role: "MEMBER" })).rejects.toThrow(ForbiddenError);
  });

  test("another organization's user is not found", async () => {
    const other = await t.organization();
    const user = await add();
    await expect(updateUser(core, other.admin, { id: user.id, name: "Eve" })).rejects.toThrow(NotFoundError);
    await expect(deleteUser(core, other.admin, user.id)).rejects.toThrow(NotFoundError);
    expect((await listUsers(core, other.admin, everything)).rows.map((row) => row.id)).not.toContain(user.id);
  });

  test("the last administrator stays, and nobody deletes themselves", async () => {
    const own = await t.organization();
    await expect(deleteUser(core, own.admin, own.admin.userId as string)).rejects.toThrow(ConflictError);
    await expect(updateUser(core, own.admin, { id: own.admin.userId as string, role: "MEMBER" })).rejects.toThrow(ConflictError);
  });
});

describe("signing in", () => {
  test("by e-mail or username, in any case", async () => {
    await add({ email: "cleo@example.test", username: "cleo" });
    for (const login of ["cleo@example.test", "CLEO@example.test", "cleo", "Cleo"]) {
      const session = await signIn(core, { login, password: PASSWORD });
      expect((await authenticate(core, session.token))?.caller).toMatchObject({ role: "MEMBER", organizationId: t.organizationId });
    }
  });

  test("a wrong password and an unknown user: the same error, about the same time", async () => {
    await add({ email: "dora@example.test" });
    const times: number[] = [];
    const messages = new Set<string>();
    for (const login of ["dora@example.test", "nobody@example.test", "a\0b"]) {
      const start = performance.now();
      const error = await signIn(core, { login, password: "wrong password" }).catch((e: Error) => e);
      times.push(performance.now() - start);
      expect(error).toBeInstanceOf(UnauthenticatedError);
      messages.add((error as Error).message);
    }
    expect(messages.size).toBe(1);
    expect(Math.max(...times) / Math.min(...times)).toBeLessThan(5);
  });

  test("signing out ends the session on every process within 1 s", async () => {
    const user = await add();
    const other = await t.another();
    const session = await signIn(core, { login: user.email, password: PASSWORD });
    const credential = await authenticate(other, session.token);
    if (!credential) throw new Error("not signed in");
    const start = performance.now();
    await signOut(core, credential.caller);
    expect(await authenticate(core, session.token)).toBeUndefined();
    while ((await authenticate(other, session.token)) !== undefined) expect(performance.now() - start).toBeLessThan(1_000);
  });

  test("a new password ends the user's sessions; deleting the user too", async () => {
    const user = await add();
    const first = await signIn(core, { login: user.email, password: PASSWORD });
    await updateUser(core, admin, { id: user.id, password: "another password" });
    await expect(signIn(core, { login: user.email, password: PASSWORD })).rejects.toThrow(UnauthenticatedError);
    const second = await signIn(core, { login: user.email, password: "another password" });
    const gone = async (token: string) => {
      const start = performance.now();
      while ((await authenticate(core, token)) !== undefined) expect(performance.now() - start).toBeLessThan(1_000);
    };
    await gone(first.token);
    expect(await authenticate(core, second.token)).toBeDefined();
    await deleteUser(core, admin, user.id);
    await gone(second.token);
  });

  test("a link signs in once", async () => {
    const link = await createSignInLink(core, { id: admin.userId as string, organizationId: t.organizationId });
    expect(await authenticate(core, link.token)).toBeUndefined();
    const session = await redeemSignInLink(core, link.token);
    expect((await authenticate(core, session?.token ?? ""))?.caller.userId).toBe(admin.userId);
    expect(await redeemSignInLink(core, link.token)).toBeUndefined();
    expect(await redeemSignInLink(core, "hks_unknown")).toBeUndefined();
  });

  test("a face's session is good for its face alone", async () => {
    const { token } = await createSession(core, {
      organizationId: t.organizationId,
      userId: admin.userId,
      kind: "COTALKER",
      ttlSeconds: 60,
    });
    expect(await authenticate(core, token)).toBeUndefined();
    expect((await authenticate(core, token, ["COTALKER"]))?.session?.kind).toBe("COTALKER");
  });

  test("a session without a user may do nothing by itself", async () => {
    const { token } = await createSession(core, { organizationId: t.organizationId, kind: "DOFORMS", ttlSeconds: 60 });
    const credential = await authenticate(core, token, ["DOFORMS"]);
    expect(credential?.caller).toMatchObject({ userId: undefined, role: "VIEWER" });
    expect(credential?.caller.scopes.size).toBe(0);
  });
});

describe("organizations", () => {
  const operator = { ...admin, operator: true };

  test("only the operator makes them and switches their features", async () => {
    await expect(createOrganization(core, admin, { name: "New" })).rejects.toThrow(ForbiddenError);
    const made = await createOrganization(core, operator, { name: " New " });
    expect(made.organization).toMatchObject({ name: "New", features: [], timeZone: "UTC" });
    expect((await authenticate(core, made.adminToken))?.caller).toMatchObject({
      organizationId: made.organization.id,
      role: "ADMIN",
      operator: false,
    });
    const input = { organizationId: made.organization.id, feature: "INBOUND_WEBHOOKS", enabled: true } as const;
    await expect(setOrganizationFeature(core, admin, input)).rejects.toThrow(ForbiddenError);
    for (let i = 0; i < 2; i++) expect((await setOrganizationFeature(core, operator, input)).features).toEqual(["INBOUND_WEBHOOKS"]);
    expect((await setOrganizationFeature(core, operator, { ...input, enabled: false })).features).toEqual([]);
    await expect(setOrganizationFeature(core, operator, { ...input, organizationId: newId() })).rejects.toThrow(NotFoundError);
  });

  test("name and time zone are checked", async () => {
    expect(await updateOrganization(core, admin, { timeZone: "Europe/Berlin" })).toMatchObject({
      name: "First",
      timeZone: "Europe/Berlin",
    });
    for (const input of [{ timeZone: "Mars/Base" }, { timeZone: "+02:00" }, { name: "" }]) {
      await expect(updateOrganization(core, admin, input)).rejects.toThrow(ValidationError);
    }
  });
});

describe("the audit log", () => {
  test("says who did what, and holds no secret", async () => {
    const own = await t.organization();
    const user = await add({ password: "a secret password" }, own.admin);
    const { rows } = await listAuditEntries(core, own.admin, everything);
    expect(rows).toMatchObject([
      { action: "user.create", subjectType: "User", subjectId: user.id, userId: own.admin.userId, address: "127.0.0.1" },
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/a secret password|scrypt/);
  });

  test("masks by name, at any depth", () => {
    const value = { name: "x", token: "t", nested: [{ password: "p", Authorization: "a", signingSecret: "s", tokenPrefix: "hkl_1234" }] };
    expect(masked(value)).toEqual({
      name: "x",
      token: "***",
      nested: [{ password: "***", Authorization: "***", signingSecret: "***", tokenPrefix: "hkl_1234" }],
    });
  });

  test("nothing changes or deletes an entry", async () => {
    await audit(core, admin, "test.done", undefined, null, null);
    await expect(core.db.pool.query("UPDATE audit_entry SET action = 'other'")).rejects.toThrow();
    await expect(core.db.pool.query("DELETE FROM audit_entry")).rejects.toThrow();
    await expect(t.asServer("TRUNCATE audit_entry CASCADE")).rejects.toThrow(/append-only/);
  });
});
