/** API tokens: ceilings, expiry, revocation on every process, last use. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { authenticate } from "../../src/accounts/authenticate.ts";
import { type Caller, ROLE_SCOPES, type Scope } from "../../src/accounts/caller.ts";
import { createApiToken, listApiTokens, revokeApiToken } from "../../src/accounts/tokens.ts";
import { ForbiddenError, NotFoundError, ValidationError } from "../../src/errors.ts";
import { testCore } from "../helpers/database.ts";

const t = await testCore();
afterAll(t.close);
const { core, admin } = t;
const make = (input: Partial<Parameters<typeof createApiToken>[2]> = {}, caller: Caller = admin) =>
  createApiToken(core, caller, { name: "ci", ...input });

async function issuesOf(work: Promise<unknown>): Promise<string[]> {
  const error = await work.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (!(error instanceof ValidationError)) throw new Error(`no ValidationError: ${String(error)}`);
  return error.issues.map((issue) => issue.path);
}

describe("a token gives what it says", () => {
  test("by default all that the role allows, acting as its maker", async () => {
    const { token, apiToken } = await make();
    expect(apiToken.prefix).toBe(token.slice(0, 8));
    const credential = await authenticate(core, token);
    expect(credential?.caller).toMatchObject({ organizationId: t.organizationId, userId: admin.userId, role: "ADMIN", operator: false });
    expect([...(credential?.caller.scopes ?? [])]).toEqual([...ROLE_SCOPES.ADMIN]);
    const member = await authenticate(core, (await make({ role: "MEMBER" })).token);
    expect([...(member?.caller.scopes ?? [])]).toEqual([...ROLE_SCOPES.MEMBER]);
  });

  test("scopes narrow it", async () => {
    const { token } = await make({ role: "MEMBER", scopes: ["events:write"] });
    expect([...((await authenticate(core, token))?.caller.scopes ?? [])]).toEqual(["events:write"]);
  });

  test("it sinks with its maker's role", async () => {
    const maker = await t.caller("ADMIN");
    const { token } = await make({}, maker);
    await core.db.unscoped.user.update({ where: { id: maker.userId as string }, data: { role: "VIEWER" } });
    const credential = await authenticate(core, token);
    expect(credential?.caller.role).toBe("VIEWER");
    expect([...(credential?.caller.scopes ?? [])]).toEqual([...ROLE_SCOPES.VIEWER]);
  });
});

describe("never more than its maker has", () => {
  const narrow = (scopes: Scope[]): Caller => ({ ...admin, scopes: new Set(scopes) });
  test.each<[string, () => Promise<unknown>]>([
    ["a member makes none", async () => make({ role: "MEMBER" }, await t.caller("MEMBER"))],
    ["a viewer makes none", async () => make({ role: "VIEWER" }, await t.caller("VIEWER"))],
    ["without the scope admin none", () => make({}, narrow(["webhooks:read", "webhooks:write"]))],
    ["no scope beyond the maker's", () => make({ scopes: ["webhooks:write"] }, narrow(["admin", "webhooks:read"]))],
    ["of an application none of another", () => make({ application: "B" }, { ...admin, application: "A" })],
    ["no scope beyond the role's", () => make({ role: "VIEWER", scopes: ["webhooks:write"] })],
  ])("%s", (_name, work) => expect(work()).rejects.toThrow(ForbiddenError));

  test("of an application one of the same, said or not", async () => {
    for (const application of [undefined, null, "A"])
      expect((await make({ application }, { ...admin, application: "A" })).apiToken.application).toBe("A");
  });

  test("left out, scopes are what both have", async () => {
    const { apiToken } = await make({}, narrow(["admin", "goals:read"]));
    expect(apiToken.scopes.sort()).toEqual(["admin", "goals:read"]);
  });
});

test("mistakes are named", async () => {
  expect(await issuesOf(make({ name: " " }))).toEqual(["name"]);
  expect(await issuesOf(make({ expiresAt: new Date(Date.now() - 1) }))).toEqual(["expiresAt"]);
  expect(await issuesOf(make({ scopes: ["goals:read", "everything"], application: "" }))).toEqual(["application", "scopes.1"]);
});

test("it ends when it expires", async () => {
  const { token } = await make({ expiresAt: new Date(Date.now() + 300) });
  expect(await authenticate(core, token)).toBeDefined();
  await sleep(310);
  expect(await authenticate(core, token)).toBeUndefined();
});

test("revoked here, it is refused on every process within 1 s", async () => {
  const other = await t.another();
  const { token, apiToken } = await make();
  expect(await authenticate(other, token)).toBeDefined();
  const before = performance.now();
  const revoked = await revokeApiToken(core, admin, apiToken.id);
  expect(revoked.revokedAt).toBeInstanceOf(Date);
  expect(await authenticate(core, token)).toBeUndefined();
  while ((await authenticate(other, token)) !== undefined) expect(performance.now() - before).toBeLessThan(1_000);
  // A second time changes nothing.
  expect((await revokeApiToken(core, admin, apiToken.id)).revokedAt).toEqual(revoked.revokedAt);
});

test("another organization's token is not found", async () => {
  const other = await t.organization();
  const { apiToken } = await make();
  await expect(revokeApiToken(core, other.admin, apiToken.id)).rejects.toThrow(NotFoundError);
});

test("what is no token of ours is refused, cut or mistyped ones too", async () => {
  const { token } = await make();
  for (const wrong of [
    "",
    "x",
    token.slice(0, -1),
    `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`,
    token.toLowerCase(),
    "a".repeat(5000),
  ]) {
    expect(await authenticate(core, wrong)).toBeUndefined();
  }
});

test("last use is noted", async () => {
  const { token, apiToken } = await make();
  await authenticate(core, token);
  for (const deadline = Date.now() + 5_000; ; await sleep(20)) {
    const row = await core.db.unscoped.apiToken.findUniqueOrThrow({ where: { id: apiToken.id } });
    if (row.lastUsedAt) break;
    if (Date.now() > deadline) throw new Error("never noted");
  }
});

test("the list is the organization's, newest first, in pages", async () => {
  const own = await t.organization();
  const names = ["one", "two", "three"];
  for (const name of names) await make({ name }, own.admin);
  const page = { limit: 2, fromBack: false, after: undefined, before: undefined };
  const first = await listApiTokens(core, own.admin, page);
  expect(first.rows.map((row) => row.name)).toEqual(["three", "two", "one"]);
  expect(await first.count()).toBe(3);
  const second = await listApiTokens(core, own.admin, { ...page, after: first.rows[1]?.id });
  expect(second.rows.map((row) => row.name)).toEqual(["one"]);
});
