/** Users, signing in and out, and the audit log. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit, masked } from "../../src/accounts/audit.ts";
import { listAuditEntries } from "../../src/accounts/audit-log.ts";
import { authenticate } from "../../src/accounts/authenticate.ts";
import { bootstrap } from "../../src/accounts/bootstrap.ts";
import { createOrganization, setOrganizationFeature, updateOrganization } from "../../src/accounts/organizations.ts";
import { checkPassword, createSession, createSignInLink, redeemSignInLink, signIn, signOut } from "../../src/accounts/sessions.ts";
import { issueToken } from "../../src/accounts/tokens.ts";
import { usernameOf } from "../../src/accounts/user-row.ts";
import { createUser, deleteUser, endSessions, listUsers, lockUser, updateUser } from "../../src/accounts/users.ts";
import { newId } from "../../src/clock.ts";
import type { Core } from "../../src/core.ts";
import type { PoolClient } from "../../src/db/client.ts";
import { ConflictError, ForbiddenError, NotFoundError, UnauthenticatedError, ValidationError } from "../../src/errors.ts";
import { globalId } from "../../src/wire/ids.ts";
import { testCore } from "../helpers/database.ts";

const t = await testCore();
afterAll(t.close);
const { core, admin } = t;
const PASSWORD = "correct horse battery";
let serial = 0;
const add = (input: Partial<Parameters<typeof createUser>[2]> = {}, caller = admin) =>
  createUser(core, caller, { email: `user${++serial}@example.test`, name: "Ann", password: PASSWORD, role: "MEMBER", ...input });
const everything = { limit: 100, fromBack: false, after: undefined, before: undefined };

describe("users", { timeout: 120_000 }, () => {
  test("the e-mail is the username when there is none, in small letters", async () => {
    const user = await add({ email: "Bea@Example.test" });
    expect(user).toMatchObject({ email: "bea@example.test", role: "MEMBER" });
    expect(usernameOf(user)).toBe("bea@example.test");
    expect(usernameOf(await add({ username: "Bea" }))).toBe("bea");
  });

  test("an e-mail or username that somebody of the organization answers to is a conflict; a username, over all organizations", async () => {
    const other = await t.organization();
    await add({ email: "taken@example.test", username: "taken" });
    for (const input of [{ email: "TAKEN@example.test" }, { username: "Taken" }, { username: "taken@example.test" }]) {
      await expect(add(input)).rejects.toThrow(ConflictError);
    }
    await expect(add({ username: "taken" }, other.admin)).rejects.toThrow(ConflictError);
  });

  test("B64 an e-mail that another organization has can be used, and nothing tells that it has", async () => {
    const other = await t.organization();
    await add({ email: "twice@example.test" });
    const [known, unknown] = [
      await add({ email: "twice@example.test" }, other.admin),
      await add({ email: "once@example.test" }, other.admin),
    ];
    const shown = ({ id, number, createdAt, updatedAt, passwordHash, ...rest }: typeof known) => rest;
    expect({ ...shown(known), email: "" }).toEqual({ ...shown(unknown), email: "" });
    expect(usernameOf(known)).toBe("twice@example.test");
    // Changing to it, too.
    const third = await add({}, other.admin);
    await expect(updateUser(core, other.admin, { id: third.id, email: "twice@example.test" })).rejects.toThrow(ConflictError);
    await deleteUser(core, other.admin, known.id);
    expect(await updateUser(core, other.admin, { id: third.id, email: "twice@example.test" })).toMatchObject({
      email: "twice@example.test",
    });
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
    await expect(updateUser(core, own.admin, { id: own.admin.userId as string, disabled: true })).rejects.toThrow(ConflictError);
  });

  test("of two administrators who take the role from each other at the same moment one stays", async () => {
    for (let i = 0; i < 5; i++) {
      const { id: organizationId, admin: one } = await t.organization();
      const two = await t.caller("ADMIN", undefined, organizationId);
      const tries = [
        updateUser(core, one, { id: two.userId as string, role: "MEMBER" }),
        i % 2 ? deleteUser(core, two, one.userId as string) : updateUser(core, two, { id: one.userId as string, disabled: true }),
      ];
      const outcomes = await Promise.allSettled(tries);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      const left = await core.db.unscoped.user.count({ where: { organizationId, role: "ADMIN", disabledAt: null } });
      expect(left).toBe(1);
    }
  });

  test("whom the bootstrap token acts as stays an administrator, enabled", async () => {
    const { userId, organizationId } = await bootstrap(core);
    const caller = { ...admin, organizationId };
    await t.caller("ADMIN", undefined, organizationId);
    for (const change of [{ role: "VIEWER" as const }, { disabled: true }])
      await expect(updateUser(core, caller, { id: userId, ...change })).rejects.toThrow(/bootstrap token/);
    await expect(deleteUser(core, caller, userId)).rejects.toThrow(/bootstrap token/);
  });

  test("a disabled user is nobody at every door, until enabled again", async () => {
    const user = await add();
    const session = await signIn(core, { login: user.email, password: PASSWORD });
    const { token } = await issueToken(core, { organizationId: t.organizationId, userId: user.id, name: "t", role: "MEMBER" });
    expect((await updateUser(core, admin, { id: user.id, disabled: true })).disabledAt).toBeInstanceOf(Date);
    for (const each of [session.token, token]) expect(await authenticate(core, each)).toBeUndefined();
    await expect(signIn(core, { login: user.email, password: PASSWORD })).rejects.toThrow(UnauthenticatedError);
    expect((await updateUser(core, admin, { id: user.id, disabled: false })).disabledAt).toBeNull();
    expect(await authenticate(core, session.token)).toBeUndefined();
    expect((await authenticate(core, token))?.caller.userId).toBe(user.id);
    expect((await signIn(core, { login: user.email, password: PASSWORD })).user.id).toBe(user.id);
  });
});

describe("signing in", { timeout: 120_000 }, () => {
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

  describe("B64 one e-mail, several organizations", () => {
    const email = "everywhere@example.test";
    const OTHER = "analytical-engine";
    const organizations = new Map<string, string>();
    beforeAll(async () => {
      for (const name of ["Acme", "Beta", "Gamma", "Delta", "Sixth"]) {
        const { id, admin: own } = await t.organization(name);
        organizations.set(name, id);
        // Acme and Beta have the same password.
        await add({ email, password: name === "Beta" ? `${PASSWORD}-Acme` : `${PASSWORD}-${name}` }, own);
      }
    });
    const enter = (password: string, organization?: string) =>
      signIn(core, { login: email, password, organization }).then(({ user }) => user.organizationId);

    test("B64 the password says which", async () => {
      expect(await enter(`${PASSWORD}-Gamma`)).toBe(organizations.get("Gamma"));
      await expect(enter(OTHER)).rejects.toThrow(UnauthenticatedError);
    });

    test("B64 where it fits several, the conflict asks for the organization, by name or id", async () => {
      await expect(enter(`${PASSWORD}-Acme`)).rejects.toThrow(ConflictError);
      await expect(enter(`${PASSWORD}-Acme`)).rejects.toThrow(/organization.*"Acme", "Beta"/);
      const beta = organizations.get("Beta") as string;
      for (const name of ["Beta", "beta", globalId("Organization", beta)]) expect(await enter(`${PASSWORD}-Acme`, name)).toBe(beta);
      await expect(enter(`${PASSWORD}-Acme`, "Gamma")).rejects.toThrow(UnauthenticatedError);
      await expect(enter(`${PASSWORD}-Acme`, "Nobody's")).rejects.toThrow(UnauthenticatedError);
    });

    test("B64 at most four accounts are looked at, the oldest; the organization names any", async () => {
      await expect(enter(`${PASSWORD}-Sixth`)).rejects.toThrow(UnauthenticatedError);
      expect(await enter(`${PASSWORD}-Sixth`, "Sixth")).toBe(organizations.get("Sixth"));
    });
  });

  test("no session outlives a change of the password that goes on while it begins", async () => {
    const user = await add();
    const checked = await checkPassword(core, user.email, PASSWORD);
    await updateUser(core, admin, { id: user.id, password: "another password" });
    const { id: userId, organizationId, passwordHash } = checked as typeof user;
    const begun = createSession(core, { kind: "BROWSER", organizationId, userId, passwordHash, ttlSeconds: 60 });
    await expect(begun).rejects.toThrow(UnauthenticatedError);
  });

  test("a link signs in once", async () => {
    const link = await createSignInLink(core, { id: admin.userId as string, organizationId: t.organizationId });
    expect(await authenticate(core, link.token)).toBeUndefined();
    const session = await redeemSignInLink(core, link.token);
    expect((await authenticate(core, session?.token ?? ""))?.caller.userId).toBe(admin.userId);
    expect(await redeemSignInLink(core, link.token)).toBeUndefined();
    expect(await redeemSignInLink(core, "hks_unknown")).toBeUndefined();
  });

  /** Does `work` before each statement that makes a session. */
  const beforeSession = (work: () => Promise<void>): Core => {
    const watched = <C extends Pick<PoolClient, "query">>(client: C): C =>
      new Proxy(client, {
        get: (target, name) => {
          const value = Reflect.get(target, name);
          if (name !== "query") return typeof value === "function" ? value.bind(target) : value;
          return async (text: string, values: unknown[]) => {
            if (String(text).includes("INSERT INTO session")) await work();
            return target.query(text, values);
          };
        },
      });
    const transaction: Core["db"]["transaction"] = (run, again) => core.db.transaction((client) => run(watched(client)), again);
    return { ...core, db: Object.assign(Object.create(core.db) as typeof core.db, { pool: watched(core.db.pool), transaction }) };
  };
  const link = () => createSignInLink(core, { id: admin.userId as string, organizationId: t.organizationId });

  test("a link is not spent by a sign-in that dies before there is a session", async () => {
    const { token } = await link();
    const dying = beforeSession(() => Promise.reject(new Error("killed")));
    await expect(redeemSignInLink(dying, token)).rejects.toThrow("killed");
    expect(await redeemSignInLink(core, token)).toBeDefined();
  });

  test("no session of a link outlives what ends its user's sessions meanwhile", async () => {
    const { token } = await link();
    let ending: Promise<void> | undefined;
    const slow = beforeSession(async () => {
      ending = core.db.transaction(async (client) => {
        await lockUser(client, admin, admin.userId as string);
        await endSessions(client, admin.userId as string);
      });
      // It waits for the sign-in, or is done before it goes on.
      await Promise.race([ending, new Promise((resolve) => setTimeout(resolve, 300))]);
    });
    const session = await redeemSignInLink(slow, token);
    await ending;
    expect(await authenticate(core, session?.token ?? "")).toBeUndefined();
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

  test("its log is kept for 1 day to the installation's, which null stands for; nothing else changes with a mistake", async () => {
    const most = core.config.retentionDays;
    const own = await t.organization();
    for (const retentionDays of [1, most, null, 2])
      expect(await updateOrganization(core, own.admin, { retentionDays })).toMatchObject({ retentionDays });
    for (const retentionDays of [0, -1, most + 1, 2 ** 31, 1.5, Number.NaN]) {
      const refused = updateOrganization(core, own.admin, { name: "Changed", retentionDays });
      await expect(refused).rejects.toMatchObject({
        issues: [{ path: "retentionDays", message: expect.stringContaining(`1 to ${most} days`) }],
      });
    }
    const after = await updateOrganization(core, own.admin, {});
    expect(after).toMatchObject({ retentionDays: 2 });
    expect(after.name).not.toBe("Changed");
    await expect(core.db.pool.query("UPDATE organization SET retention_days = 0")).rejects.toThrow("organization_retention_days_check");
    const { rows } = await listAuditEntries(core, own.admin, everything);
    expect(JSON.stringify(rows)).toContain("retentionDays");
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

  test("holds who signed in, from where, and who could not", async () => {
    const own = await t.organization();
    const user = await add({}, own.admin);
    await signIn(core, { login: user.email, password: PASSWORD, address: "192.0.2.7" });
    await expect(signIn(core, { login: user.email, password: "wrong", address: "192.0.2.8" })).rejects.toThrow(UnauthenticatedError);
    const read = async () => (await listAuditEntries(core, own.admin, everything)).rows;
    for (const deadline = Date.now() + 10_000; (await read()).length < 3 && Date.now() < deadline; );
    expect((await read()).map(({ action, userId, subjectId, address }) => [action, userId, subjectId, address])).toEqual([
      ["user.signInFailed", null, user.id, "192.0.2.8"],
      ["user.signIn", user.id, user.id, "192.0.2.7"],
      ["user.create", own.admin.userId, user.id, "127.0.0.1"],
    ]);
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
