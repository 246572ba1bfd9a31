/** `hookline user` and `hookline sign-in-link`: on the database, with no server, no token, no password. */
import { rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootstrap } from "../../src/accounts/bootstrap.ts";
import { checkPassword, redeemSignInLink } from "../../src/accounts/sessions.ts";
import { globalId } from "../../src/wire/ids.ts";
import { MASTER_KEY_TEXT, type TestCore, testCore } from "../helpers/database.ts";
import { run } from "./run.ts";

let t: TestCore;
let env: Record<string, string>;
beforeAll(async () => {
  t = await testCore();
  env = {
    DATABASE_URL: t.url,
    HOOKLINE_MASTER_KEY: MASTER_KEY_TEXT,
    HOOKLINE_DATA_DIR: t.core.config.dataDir,
    HOOKLINE_PUBLIC_URL: "https://hooks.example.com",
    HOOKLINE_LOG_LEVEL: "silent",
  };
});
afterAll(() => t?.close());

describe("B8 the command line is a way in", { timeout: 150_000 }, () => {
  it("B8 before the first start it says that there is nothing yet", async () => {
    const { code, err } = await run(["sign-in-link"], env);
    expect({ code, err }).toEqual({ code: 1, err: [expect.stringMatching(/holds no installation yet: start Hookline on it once/)] });
    const nowhere = await run(["user", "list"], { HOOKLINE_DATA_DIR: "/nonexistent/data" });
    expect({ code: nowhere.code, err: nowhere.err }).toEqual({
      code: 1,
      err: [expect.stringMatching(/no installation in \/nonexistent\/data/)],
    });
    await bootstrap(t.core);
  });

  it("B8 sign-in-link: a link for the first administrator, or for somebody named, that works once", async () => {
    const { out, code } = await run(["sign-in-link"], env);
    expect(code).toBe(0);
    expect(out).toEqual([expect.stringMatching(/^https:\/\/hooks\.example\.com\/sign-in#token=hks_/)]);
    const token = (out[0] as string).split("token=")[1] as string;
    expect(await redeemSignInLink(t.core, token)).toBeDefined();
    expect(await redeemSignInLink(t.core, token)).toBeUndefined();
    const json = JSON.parse((await run(["sign-in-link", "--user", "admin", "--json"], env)).out.join("")) as object;
    expect(json).toEqual({ url: expect.stringContaining("#token="), user: "admin", expiresAt: expect.any(String) });
    const unknown = await run(["sign-in-link", "--user", "nobody@example.com"], env);
    expect({ code: unknown.code, err: unknown.err }).toEqual({ code: 1, err: ['hookline: a user "nobody@example.com" was not found'] });
  });

  it("B8 user add, set-password, list: passwords come from standard input, or are made and shown once", async () => {
    const added = await run(["user", "add", "ada@example.com", "--role", "admin"], env, "analytical-engine\n");
    expect(added).toMatchObject({ code: 0, out: [], err: ["added ada@example.com"] });
    expect((await checkPassword(t.core, "ada@example.com", "analytical-engine"))?.role).toBe("ADMIN");

    const made = await run(["user", "set-password", "ADA@example.com", "--generate"], env);
    expect(made.out).toHaveLength(1);
    expect(await checkPassword(t.core, "ada@example.com", made.out[0] as string)).toBeDefined();
    expect(await checkPassword(t.core, "ada@example.com", "analytical-engine")).toBeUndefined();

    // The bootstrap's administrator gets a password, too.
    expect((await run(["user", "set-password", "admin"], env, "correct horse battery\n")).code).toBe(0);
    expect(await checkPassword(t.core, "admin", "correct horse battery")).toBeDefined();

    const listed = JSON.parse((await run(["user", "list", "--json"], env)).out.join("")) as Record<string, unknown>[];
    expect(listed.map(({ email, role, hasPassword }) => ({ email, role, hasPassword }))).toEqual(
      expect.arrayContaining([
        { email: "ada@example.com", role: "ADMIN", hasPassword: true },
        { email: "admin@hookline.invalid", role: "ADMIN", hasPassword: true },
      ]),
    );
    expect(JSON.stringify(listed)).not.toContain("scrypt");
    expect((await run(["user", "list"], env)).out.join("\n")).toMatch(/^ada@example.com\tada@example.com\tADMIN\t/m);
  });

  it("B8 mistakes are one line each and change nothing", async () => {
    for (const [args, input, words] of [
      [["user", "add", "not-an-email"], "long-enough-password\n", /email: must be an e-mail address/],
      [["user", "add", "bob@example.com"], "short\n", /password: must have at least/],
      [["user", "add", "bob@example.com"], "", /no password on standard input/],
      [["user", "add", "bob@example.com", "--role", "king"], "long-enough-password\n", /--role must be ADMIN, MEMBER, VIEWER/],
      [["user", "add", "ada@example.com"], "long-enough-password\n", /exists already/],
      [["user", "set-password", "bob@example.com"], "long-enough-password\n", /was not found/],
    ] as const) {
      const { code, err } = await run(args, env, input);
      expect({ code, err }).toEqual({ code: 1, err: [expect.stringMatching(words)] });
    }
    expect(await t.core.db.unscoped.user.count({ where: { email: "bob@example.com" } })).toBe(0);
  });

  it("user set-role, disable, enable and delete; the last administrator stays", async () => {
    const row = () => t.core.db.unscoped.user.findFirst({ where: { email: "grace@example.com" } });
    await run(["user", "add", "grace@example.com"], env, "compiler-and-linker\n");
    for (const [args, sentence, expected] of [
      [["set-role", "grace@example.com", "viewer"], "grace@example.com is VIEWER now", { role: "VIEWER" }],
      [["disable", "grace@example.com"], "grace@example.com is disabled", { disabledAt: expect.any(Date) }],
      [["enable", "GRACE@example.com"], "GRACE@example.com is enabled", { disabledAt: null }],
      [["delete", "grace@example.com"], "grace@example.com is deleted", null],
    ] as const) {
      expect(await run(["user", ...args], env)).toMatchObject({ code: 0, err: [sentence] });
      if (expected) expect(await row()).toMatchObject(expected);
      else expect(await row()).toBeNull();
    }
    for (const args of [
      ["set-role", "admin", "MEMBER"],
      ["disable", "admin"],
      ["delete", "admin"],
    ])
      expect(await run(["user", ...args], env)).toMatchObject({ code: 1, err: [expect.stringMatching(/administrator|themselves/)] });
  });

  it("B64 an e-mail of several organizations asks for --organization", async () => {
    const other = await t.organization("Other Ltd");
    await run(["user", "add", "twice@example.com"], env, "analytical-engine\n");
    const added = await run(["user", "add", "twice@example.com", "--organization", "other ltd"], env, "difference-engine\n");
    expect(added.code).toBe(0);
    const unsaid = await run(["user", "set-role", "twice@example.com", "viewer"], env);
    expect(unsaid).toMatchObject({ code: 1, err: [expect.stringMatching(/--organization, one of .*"Other Ltd"/)] });
    const said = ["user", "set-role", "twice@example.com", "viewer", "--organization", globalId("Organization", other.id)];
    expect((await run(said, env)).code).toBe(0);
    const found = await t.core.db.unscoped.user.findMany({ where: { email: "twice@example.com" }, orderBy: { id: "asc" } });
    expect(found.map(({ role }) => role)).toEqual(["MEMBER", "VIEWER"]);
    const nobody = await run(["user", "add", "x@example.com", "--organization", "None"], env, "analytical-engine\n");
    expect(nobody).toMatchObject({ code: 1, err: [expect.stringMatching(/organization "None" was not found/)] });
  });

  it("B8 token without any token at hand is made in the database", async () => {
    await rm(path.join(t.core.config.dataDir, "admin.token"));
    const { code, out } = await run(["token", "shop", "--role", "member", "--scope", "events:write"], env);
    expect({ code, out }).toEqual({ code: 0, out: [expect.stringMatching(/^hkl_/)] });
  });
});
