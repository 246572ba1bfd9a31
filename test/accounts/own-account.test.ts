/** B62: people's own passwords and sessions. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { listAuditEntries } from "../../src/accounts/audit-log.ts";
import { authenticate } from "../../src/accounts/authenticate.ts";
import { type Caller, ROLE_SCOPES } from "../../src/accounts/caller.ts";
import { changePassword } from "../../src/accounts/own-password.ts";
import { listSessions, revokeSession } from "../../src/accounts/own-sessions.ts";
import { signIn } from "../../src/accounts/sessions.ts";
import { createUser } from "../../src/accounts/users.ts";
import { ForbiddenError, NotFoundError, RateLimitedError, UnauthenticatedError, ValidationError } from "../../src/errors.ts";
import { testCore } from "../helpers/database.ts";

const t = await testCore();
afterAll(t.close);
const { core, admin } = t;
const PASSWORD = "analytical-engine";
const NEW = "difference-engine";
let people = 0;

async function person(role: "VIEWER" | "MEMBER" | "ADMIN" = "VIEWER") {
  people += 1;
  const email = `own-${people}@example.test`;
  const user = await createUser(core, admin, { email, name: "Ada", password: PASSWORD, role });
  const begin = async (password = PASSWORD) => {
    const { token } = await signIn(core, { login: email, password, address: "192.0.2.7" });
    return { token, caller: (await authenticate(core, token))?.caller as Caller };
  };
  return { user, email, begin };
}
const page = { limit: 20, fromBack: false, after: undefined, before: undefined };

describe("B62 one's own password", { timeout: 120_000 }, () => {
  test("B62 changes for every role, ends the other sessions everywhere, and is in the log", async () => {
    const { user, begin } = await person("VIEWER");
    const another = await t.another();
    const [mine, elsewhere] = [await begin(), await begin()];
    expect(await authenticate(another, elsewhere.token)).toBeDefined();
    expect((await changePassword(core, mine.caller, { currentPassword: PASSWORD, newPassword: NEW })).id).toBe(user.id);
    expect(await authenticate(core, mine.token)).toBeDefined();
    expect(await authenticate(core, elsewhere.token)).toBeUndefined();
    const began = performance.now();
    while (await authenticate(another, elsewhere.token)) {
      expect(performance.now() - began).toBeLessThan(1_500);
      await sleep(10);
    }
    await expect(begin()).rejects.toThrow(UnauthenticatedError);
    await begin(NEW);
    const { rows } = await listAuditEntries(core, admin, page);
    expect(rows.map(({ action, userId }) => [action, userId])).toContainEqual(["user.changePassword", user.id]);
    expect(JSON.stringify(rows)).not.toMatch(/engine|scrypt/);
  });

  test("B62 needs the current one, and is limited like every password door", async () => {
    const { begin } = await person();
    const { caller } = await begin();
    const change = (currentPassword: string, newPassword = NEW) => changePassword(core, caller, { currentPassword, newPassword });
    const outcomes = await Promise.all(Array.from({ length: 12 }, () => change("wrong").catch((error: Error) => error.constructor)));
    expect(outcomes.filter((each) => each === UnauthenticatedError)).toHaveLength(10);
    expect(outcomes.filter((each) => each === RateLimitedError)).toHaveLength(2);
  });

  test.each(["short", PASSWORD, "passwordpassword", "123456789012", "own-account-ada"])(
    "B62 %s is no good new one",
    async (newPassword) => {
      const { begin } = await person();
      const { caller } = await begin();
      const weak = newPassword === "own-account-ada" ? `own-${people}@example.test` : newPassword;
      const change = changePassword(core, caller, { currentPassword: PASSWORD, newPassword: weak });
      await expect(change).rejects.toThrow(ValidationError);
      await expect(change).rejects.toMatchObject({ issues: [{ path: "newPassword" }] });
    },
  );

  test("B62 an API token is not the person: it needs the scope admin; who has no password cannot change it", async () => {
    const token = { ...(await t.caller("MEMBER")), tokenPrefix: "hkl_1234" };
    const input = { currentPassword: PASSWORD, newPassword: NEW };
    await expect(changePassword(core, token, input)).rejects.toThrow(ForbiddenError);
    await expect(changePassword(core, await t.caller("ADMIN"), input)).rejects.toThrow(/no password to change/);
  });
});

describe("sessions", { timeout: 120_000 }, () => {
  test("one's own are listed, newest first, with their address; ended and foreign ones are not", async () => {
    const { begin, user } = await person();
    await (await person()).begin();
    const [first, second, third] = [await begin(), await begin(), await begin()];
    await revokeSession(core, first.caller, third.caller.credentialId as string);
    const { rows, count } = await listSessions(core, first.caller, page);
    expect(rows.map(({ id }) => id)).toEqual([second.caller.credentialId, first.caller.credentialId]);
    expect(rows[0]).toMatchObject({ kind: "BROWSER", address: "192.0.2.7", userId: user.id });
    expect(await count()).toBe(2);
    expect(await authenticate(core, third.token)).toBeUndefined();
  });

  test("somebody else's are an administrator's business, within the organization", async () => {
    const { begin, user } = await person();
    const { caller, token } = await begin();
    const viewer = (await (await person()).begin()).caller;
    await expect(listSessions(core, viewer, page, user.id)).rejects.toThrow(ForbiddenError);
    await expect(revokeSession(core, viewer, caller.credentialId as string)).rejects.toThrow(NotFoundError);
    const other = await t.organization();
    expect((await listSessions(core, other.admin, page, user.id)).rows).toEqual([]);
    await expect(revokeSession(core, other.admin, caller.credentialId as string)).rejects.toThrow(NotFoundError);
    expect((await listSessions(core, admin, page, user.id)).rows.map(({ id }) => id)).toEqual([caller.credentialId]);
    expect((await revokeSession(core, admin, caller.credentialId as string)).revokedAt).toBeInstanceOf(Date);
    expect(await authenticate(core, token)).toBeUndefined();
    // Twice changes nothing.
    expect((await revokeSession(core, admin, caller.credentialId as string)).revokedAt).toBeInstanceOf(Date);
  });

  test("an API token without the scope admin sees and ends none", async () => {
    const { begin } = await person("MEMBER");
    const { caller } = await begin();
    const token: Caller = { ...caller, tokenPrefix: "hkl_1234", scopes: new Set(ROLE_SCOPES.MEMBER) };
    await expect(listSessions(core, token, page)).rejects.toThrow(ForbiddenError);
    await expect(revokeSession(core, token, caller.credentialId as string)).rejects.toThrow(ForbiddenError);
  });
});
