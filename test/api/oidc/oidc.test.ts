/** Single sign-on, against a real OpenID provider and against one that lies. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { bootstrap } from "../../../src/accounts/bootstrap.ts";
import { signInByProvider } from "../../../src/accounts/oidc.ts";
import { createOrganization } from "../../../src/accounts/organizations.ts";
import { createUser } from "../../../src/accounts/users.ts";
import type { OidcConfig } from "../../../src/config/oidc.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { freePort } from "../../helpers/free-port.ts";
import { graphql } from "../../helpers/graphql.ts";
import { type Browser, createBrowser } from "./browser.ts";
import { type FalseProvider, startFalseProvider } from "./false-provider.ts";
import { type RealProvider, startProvider } from "./real-provider.ts";

const PASSWORD = "analytical-engine";
const base: Omit<OidcConfig, "issuer"> = {
  ...{ clientId: "hookline", clientSecret: "a secret of the client's own", scope: "openid email profile roles", roleClaim: "roles" },
  roles: [
    { role: "ADMIN", value: "hookline-admins" },
    { role: "MEMBER", value: "developers" },
    { role: "ADMIN", value: "admin" },
  ],
  organization: undefined,
  egressAllow: ["127.0.0.0/8"],
};

let provider: RealProvider;
let app: TestApp;
let organizationId: string;
beforeAll(async () => {
  provider = await startProvider();
  app = await testApp({ oidc: { ...base, issuer: provider.issuer } });
  provider.open(`${app.url}/sign-in/oidc/callback`);
  organizationId = (await bootstrap(app.t.core)).organizationId;
});
afterAll(async () => {
  await app?.close();
  await provider?.close();
});

const isHome = (url: string) => url.startsWith(app.url) && !url.includes("/oidc");
const enter = (browser: Browser, next = "/log") => browser.follow(`${app.url}/sign-in/oidc?next=${encodeURIComponent(next)}`, isHome);
/** Names and values of sign-ins that were begun and have not come back. */
const begun = (browser: Browser) => [...browser.cookies(app.url)].filter(([name]) => name.startsWith("hookline_oidc"));
const viewer = async (browser: Browser) => {
  const cookie = `hookline_session=${browser.cookie(app.url, "hookline_session")}`;
  const { body } = await graphql(app, "{ viewer { role user { id email name } } }", { headers: { cookie, origin: app.url } });
  return body.data?.viewer;
};

describe("OIDC with a real provider", { timeout: 30_000 }, () => {
  test("OIDC signs somebody new in, with the role that the claim says, and goes on where they were", async () => {
    provider.is({ sub: "ada", email: "Ada@example.test", email_verified: true, name: "Ada Lovelace", roles: ["developers", "chess"] });
    const browser = createBrowser();
    expect(await enter(browser, "/log?state=REJECTED")).toBe(`${app.url}/log?state=REJECTED`);
    expect(await viewer(browser)).toMatchObject({ role: "MEMBER", user: { email: "ada@example.test", name: "Ada Lovelace" } });
    expect(begun(browser)).toEqual([]);
    const { rows } = await app.t.core.db.pool.query(
      "SELECT organization_id, password_hash, oidc_subject FROM users WHERE email = 'ada@example.test'",
    );
    expect(rows).toEqual([{ organization_id: organizationId, password_hash: null, oidc_subject: "ada" }]);
    const audited = await app.t.core.db.pool.query("SELECT action FROM audit_entry WHERE organization_id = $1 ORDER BY id", [
      organizationId,
    ]);
    expect(audited.rows.map(({ action }) => action)).toEqual(expect.arrayContaining(["user.create", "user.signIn"]));
  });

  test("OIDC knows them by their subject the next time, and gives the role of then", async () => {
    const browser = createBrowser();
    provider.is({ sub: "grace", email: "grace@example.test", email_verified: true, roles: ["developers"] });
    await enter(browser);
    const before = await viewer(browser);
    provider.is({ sub: "grace", email: "hopper@example.test", email_verified: true, roles: ["hookline-admins", "developers"] });
    const again = createBrowser();
    await enter(again);
    const after = await viewer(again);
    expect([before.role, after.role]).toEqual(["MEMBER", "ADMIN"]);
    expect(after.user.id).toBe(before.user.id);
    // The session of before has the rights of now, too.
    await expect.poll(async () => (await viewer(browser)).role).toBe("ADMIN");
  });

  test("OIDC finds a user who is here already by the e-mail, when the provider has verified it", async () => {
    const admin = { ...app.t.admin, organizationId };
    const user = await createUser(app.t.core, admin, { email: "here@example.test", name: "Here", password: PASSWORD, role: "VIEWER" });
    provider.is({ sub: "here", email: "here@example.test", roles: ["developers"] });
    expect(await enter(createBrowser())).toBe(`${app.url}/sign-in#problem=unverified`);
    provider.is({ sub: "here", email: "here@example.test", email_verified: true, roles: ["developers"] });
    const browser = createBrowser();
    await enter(browser);
    expect(await viewer(browser)).toMatchObject({ role: "MEMBER", user: { name: "Here" } });
    // Somebody else with the same address is not them.
    provider.is({ sub: "other", email: "here@example.test", email_verified: true, roles: ["hookline-admins"] });
    expect(await enter(createBrowser())).toBe(`${app.url}/sign-in#problem=taken`);
    await app.t.core.db.pool.query("UPDATE users SET disabled_at = now() WHERE id = $1", [user.id]);
    provider.is({ sub: "here", email: "here@example.test", email_verified: true, roles: ["developers"] });
    expect(await enter(createBrowser())).toBe(`${app.url}/sign-in#problem=disabled`);
    const noted = await app.t.core.db.pool.query("SELECT FROM audit_entry WHERE action = 'user.signInFailed' AND subject_id = $1", [
      user.id,
    ]);
    expect(noted.rowCount).toBe(1);
  });

  test.each([
    [{ roles: ["chess"] }, "role"],
    [{ roles: "developersx" }, "role"],
    [{}, "role"],
    [{ roles: ["developers"], email: undefined }, "email"],
    [{ roles: ["developers"], email: "no address" }, "email"],
    [{ roles: ["developers"], email_verified: false }, "unverified"],
    [{ roles: ["developers"], email_verified: "false" }, "unverified"],
    [{ roles: ["developers"], email_verified: null }, "unverified"],
  ])("OIDC lets nobody in with %j", async (claims, word) => {
    provider.is({ sub: `refused-${word}`, email: "refused@example.test", email_verified: true, ...claims });
    const browser = createBrowser();
    expect(await enter(browser)).toBe(`${app.url}/sign-in#problem=${word}`);
    expect(browser.cookie(app.url, "hookline_session")).toBeUndefined();
    expect(await app.t.core.db.unscoped.user.count({ where: { email: "refused@example.test" } })).toBe(0);
  });

  test("OIDC a callback is good once, in the browser that began it, for the state that it began with", async () => {
    provider.is({ sub: "ada", email: "ada@example.test", email_verified: true, roles: ["developers"] });
    const browser = createBrowser();
    const callback = await browser.follow(`${app.url}/sign-in/oidc`, (url) => url.includes("/callback?"));
    const [name, kept] = begun(browser)[0] as [string, string];
    const expired = `${app.url}/sign-in#problem=expired`;
    expect((await createBrowser().get(callback)).location).toBe(expired);
    const foreign = createBrowser();
    await foreign.get(`${app.url}/sign-in/oidc`);
    expect((await foreign.get(callback)).location).toBe(expired);
    const good = await browser.get(callback);
    expect([good.status, good.location]).toEqual([303, `${app.url}/`]);
    expect(good.setCookies.join("\n")).toMatch(/^hookline_session=hks_.*HttpOnly; SameSite=Lax/);
    // Again: the cookie is gone; and when it was kept, the state is used up, on another process too.
    expect((await browser.get(callback)).location).toBe(expired);
    const other = await app.another();
    for (const url of [callback, callback.replace(app.url, other.url)]) {
      browser.setCookie(url, name, kept);
      const again = await browser.get(url);
      expect([again.location, again.setCookies.some((each) => each.startsWith("hookline_session="))]).toEqual([
        `${new URL(url).origin}/sign-in#problem=expired`,
        false,
      ]);
    }
  });

  test("OIDC two tabs sign in beside each other, each to its own page; of many that were begun the last four come back", async () => {
    provider.is({ sub: "ada", email: "ada@example.test", email_verified: true, roles: ["developers"] });
    const browser = createBrowser();
    const begin = (next: string) => browser.follow(`${app.url}/sign-in/oidc?next=${next}`, (url) => url.includes("/callback?"));
    const [first, second] = [await begin("/first"), await begin("/second")];
    expect((await browser.get(first)).location).toBe(`${app.url}/first`);
    expect((await browser.get(second)).location).toBe(`${app.url}/second`);
    const many: string[] = [];
    for (let n = 0; n < 6; n++) many.push(await begin(`/${n}`));
    expect(begun(browser)).toHaveLength(4);
    const ends = [];
    for (const callback of many) ends.push((await browser.get(callback)).location?.replace(app.url, ""));
    expect(ends).toEqual(["/sign-in#problem=expired", "/sign-in#problem=expired", "/2", "/3", "/4", "/5"]);
    // Sixty a minute come from one address: the tests behind this one need theirs.
    await app.t.core.db.pool.query("DELETE FROM rate_bucket WHERE key LIKE 'oidc-address:%'");
  });

  test("OIDC leads to no other site, and an error of the provider's is one word", async () => {
    provider.is({ sub: "ada", email: "ada@example.test", email_verified: true, roles: ["developers"] });
    for (const next of [
      "https://evil.example/",
      "//evil.example",
      "/\\evil.example",
      "/.//evil.example",
      "javascript:alert(1)",
      "x".repeat(2_000),
    ])
      expect(await enter(createBrowser(), next)).toBe(`${app.url}/`);
    const browser = createBrowser();
    await browser.get(`${app.url}/sign-in/oidc`);
    const [name, value] = begun(browser)[0] as [string, string];
    const { state } = JSON.parse(Buffer.from(value, "base64url").toString()) as { state: string };
    const iss = encodeURIComponent(provider.issuer);
    const denied = `${app.url}/sign-in/oidc/callback?error=access_denied&error_description=%3Cscript%3E&state=${state}&iss=${iss}`;
    expect((await browser.get(denied)).location).toBe(`${app.url}/sign-in#problem=denied`);
    for (const cookie of ["x", "e30", Buffer.from('{"state":1}').toString("base64url"), "a".repeat(10_000)]) {
      const hostile = createBrowser();
      hostile.setCookie(app.url, name, cookie);
      expect((await hostile.get(`${app.url}/sign-in/oidc/callback?state=${state}&code=y`)).location).toBe(
        `${app.url}/sign-in#problem=expired`,
      );
    }
  });

  test("OIDC a page's address is measured as the cookie holds it: one that is too long for it is the first page", async () => {
    provider.is({ sub: "ada", email: "ada@example.test", email_verified: true, roles: ["developers"] });
    const short = `/log?search=${"漢".repeat(100)}`;
    expect(await enter(createBrowser(), short)).toBe(new URL(short, app.url).href);
    expect(await enter(createBrowser(), `/log?search=${"漢".repeat(900)}`)).toBe(`${app.url}/`);
  });

  test("OIDC the sign-in page asks which ways there are", async () => {
    const options = await fetch(`${app.url}/sign-in/options`);
    expect([options.status, await options.json()]).toEqual([200, { passwords: true, oidc: true }]);
  });
});

describe("OIDC by other settings", { timeout: 30_000 }, () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  test("OIDC a nested claim, everybody, and an organization by name; passwords switched off at every door", async () => {
    const own = await startProvider();
    closing.push(() => own.close());
    const roles = [
      { role: "ADMIN", value: "boss" },
      { role: "VIEWER", value: "*" },
    ] as const;
    const oidc = { ...base, issuer: own.issuer, roleClaim: "realm_access.roles", roles, organization: "Acme" };
    const second = await testApp({ oidc, passwords: false });
    closing.unshift(() => second.close());
    own.open(`${second.url}/sign-in/oidc/callback`);
    const until = (url: string) => url.startsWith(second.url) && !url.includes("/oidc");
    own.is({ sub: "1", email: "one@example.test", email_verified: true, realm_access: { roles: ["boss"] } });
    expect(await createBrowser().follow(`${second.url}/sign-in/oidc`, until)).toBe(`${second.url}/sign-in#problem=organization`);
    const { organization } = await createOrganization(second.t.core, { ...second.t.admin, operator: true }, { name: "Acme" });
    await createBrowser().follow(`${second.url}/sign-in/oidc`, until);
    own.is({ sub: "2", email: "two@example.test", email_verified: true });
    await createBrowser().follow(`${second.url}/sign-in/oidc`, until);
    const found = await second.t.core.db.unscoped.user.findMany({
      where: { email: { endsWith: "@example.test" }, organizationId: organization.id },
    });
    expect(found.map(({ email, role }) => [email, role])).toEqual([
      ["one@example.test", "ADMIN"],
      ["two@example.test", "VIEWER"],
    ]);

    expect(await (await fetch(`${second.url}/sign-in/options`)).json()).toEqual({ passwords: false, oidc: true });
    const email = "local@example.test";
    await createUser(second.t.core, second.t.admin, { email, name: "L", password: PASSWORD, role: "MEMBER" });
    const query = "mutation ($input: SignInInput!) { signIn(input: $input) { __typename ... on Error { message } } }";
    const { body } = await graphql(second, query, { variables: { input: { email, password: PASSWORD } } });
    expect(body.data.signIn).toMatchObject({ __typename: "ForbiddenError", message: expect.stringContaining("HOOKLINE_PASSWORDS") });
    const basic = Buffer.from(`${email}:${PASSWORD}`).toString("base64");
    expect((await fetch(`${second.url}/api/v1/Webhook`, { headers: { authorization: `Basic ${basic}` } })).status).toBe(403);
    const json = { method: "POST", headers: { "content-type": "application/json" } };
    expect((await fetch(`${second.url}/auth/local`, { ...json, body: JSON.stringify({ email, password: PASSWORD }) })).status).toBe(403);
  });

  test("OIDC a sign-in that begins at another address than HOOKLINE_PUBLIC_URL's begins there once more, and only once", async () => {
    const own = await startProvider();
    closing.push(() => own.close());
    const port = await freePort();
    const publicUrl = `http://localhost:${port}`;
    const second = await testApp({ port, publicUrl, oidc: { ...base, issuer: own.issuer } });
    closing.unshift(() => second.close());
    await bootstrap(second.t.core);
    own.open(`${publicUrl}/sign-in/oidc/callback`);
    own.is({ sub: "1", email: "one@example.test", email_verified: true, roles: ["developers"] });
    const until = (url: string) => URL.parse(url)?.port === String(port) && !url.includes("/oidc");
    expect(await createBrowser().follow(`${second.url}/sign-in/oidc?next=/log`, until)).toBe(`${publicUrl}/log`);
    // A proxy in front may write a Host of its own.
    const { location = "" } = await createBrowser().get(`${second.url}/sign-in/oidc?next=/log`);
    expect(location.startsWith(`${publicUrl}/sign-in/oidc?`)).toBe(true);
    expect((await createBrowser().get(location.replace(publicUrl, second.url))).location).toMatch(own.issuer);
  });

  test("OIDC the last administrator of an organization stays one, whatever the provider says; the second of two at once does, too", async () => {
    const organization = await app.t.core.db.unscoped.organization.create({ data: { name: "Two of them" } });
    const config: OidcConfig = { ...base, issuer: provider.issuer, organization: "Two of them" };
    const signIn = (name: string, roles: string[]) =>
      signInByProvider(app.t.core, config, { sub: name, email: `${name}@two.test`, email_verified: true, roles }, "127.0.0.1");
    const admins = async () =>
      (await app.t.core.db.unscoped.user.findMany({ where: { organizationId: organization.id, role: "ADMIN" } })).map(({ email }) => email);
    await signIn("first", ["hookline-admins"]);
    await signIn("first", ["developers"]);
    expect(await admins()).toEqual(["first@two.test"]);
    await signIn("second", ["hookline-admins"]);
    await Promise.all([signIn("first", ["developers"]), signIn("second", ["developers"])]);
    expect(await admins()).toHaveLength(1);
  });

  test("OIDC without a provider there is no such door, and a page is told so", async () => {
    const plain = await testApp();
    closing.push(() => plain.close());
    expect(await (await fetch(`${plain.url}/sign-in/options`)).json()).toEqual({ passwords: true, oidc: false });
    expect((await fetch(`${plain.url}/sign-in/oidc`, { redirect: "manual" })).status).toBe(404);
  });

  test("OIDC a provider that is away, or stands where the operator allows nothing, is told as such, and hides its address", async () => {
    for (const settings of [
      { issuer: "http://127.0.0.1:9", egressAllow: ["127.0.0.0/8"] },
      { issuer: provider.issuer, egressAllow: [] },
      { issuer: "https://10.0.0.7/realms/staff", egressAllow: [] },
    ]) {
      const away = await testApp({ oidc: { ...base, ...settings } });
      closing.push(() => away.close());
      const hop = await createBrowser().get(`${away.url}/sign-in/oidc`);
      expect([hop.status, hop.location]).toEqual([303, `${away.url}/sign-in#problem=unreachable`]);
      expect(hop.text).toBe("");
    }
  });
});

describe("OIDC with a provider that lies", { timeout: 30_000 }, () => {
  let liar: FalseProvider;
  let fooled: TestApp;
  beforeAll(async () => {
    liar = await startFalseProvider("hookline");
    fooled = await testApp({ oidc: { ...base, issuer: liar.issuer } });
    await bootstrap(fooled.t.core);
  });
  afterAll(async () => {
    await fooled?.close();
    await liar?.close();
  });

  async function back(lie: Parameters<FalseProvider["tell"]>[0]) {
    const browser = createBrowser();
    const begun = new URL((await browser.get(`${fooled.url}/sign-in/oidc`)).location as string);
    expect(begun.searchParams.get("code_challenge_method")).toBe("S256");
    liar.nonce = begun.searchParams.get("nonce") as string;
    liar.tell(lie);
    return browser.get(`${fooled.url}/sign-in/oidc/callback?code=c&state=${begun.searchParams.get("state")}`);
  }

  test("OIDC takes its good tokens", async () => {
    expect((await back({})).location).toBe(`${fooled.url}/`);
  });

  test("OIDC a key that the provider signs with since a moment ago is known at the next sign-in", async () => {
    await back({});
    liar.rotate("2");
    expect((await back({})).location).toBe(`${fooled.url}/`);
    liar.rotate("2");
    expect((await back({})).location).toBe(`${fooled.url}/`);
    expect((await back({ foreignKey: true })).location).toBe(`${fooled.url}/sign-in#problem=invalid`);
  });

  test("OIDC the word that one address is verified proves nothing of another one", async () => {
    await createUser(
      fooled.t.core,
      { ...fooled.t.admin, organizationId: (await bootstrap(fooled.t.core)).organizationId },
      {
        ...{ email: "victim@example.test", name: "Victim", password: PASSWORD, role: "ADMIN" },
      },
    );
    const [victim, own] = ["victim@example.test", "thief@example.test"];
    const unverified = `${fooled.url}/sign-in#problem=unverified`;
    const said = { sub: "thief", email: victim, email_verified: undefined };
    expect((await back({ claims: said, userinfo: { email: own, email_verified: true } })).location).toBe(unverified);
    const silent = { sub: "thief", email: undefined, email_verified: true };
    expect((await back({ claims: silent, userinfo: { email: victim } })).location).toBe(unverified);
    // Both say the same address, in whatever case.
    expect((await back({ claims: said, userinfo: { email: "Victim@example.test", email_verified: true } })).location).toBe(
      `${fooled.url}/`,
    );
  });

  test("OIDC what the ID token says nothing of, or null, is asked of the userinfo endpoint; a name that cannot be stored is none", async () => {
    const claims = { sub: "quiet", email: null, email_verified: null, roles: null };
    const userinfo = { email: "quiet@example.test", email_verified: true, roles: ["developers"], name: "A\0B" };
    expect((await back({ claims, userinfo })).location).toBe(`${fooled.url}/`);
    const user = await fooled.t.core.db.unscoped.user.findFirst({ where: { oidcSubject: "quiet" } });
    expect([user?.email, user?.role, user?.name]).toEqual(["quiet@example.test", "MEMBER", "quiet@example.test"]);
  });

  const now = () => Math.floor(Date.now() / 1000);
  test.each<[string, () => Parameters<FalseProvider["tell"]>[0]]>([
    ["for another audience", () => ({ claims: { aud: "somebody-else" } })],
    ["of another issuer", () => ({ claims: { iss: "https://login.example.com" } })],
    ["with another nonce", () => ({ claims: { nonce: "replayed" } })],
    ["without a nonce", () => ({ claims: { nonce: undefined } })],
    ["that has expired", () => ({ claims: { iat: now() - 900, exp: now() - 600 } })],
    ["signed with a key of nobody's", () => ({ foreignKey: true })],
    ["that is not signed", () => ({ algorithm: "none" })],
    ["without a subject", () => ({ claims: { sub: undefined } })],
    ["whose subject is empty", () => ({ claims: { sub: "" } })],
    ["whose subject has half a surrogate pair", () => ({ claims: { sub: "x\ud800" } })],
    ["whose subject has a NUL", () => ({ claims: { sub: "x\0" } })],
  ])("OIDC refuses an ID token %s", async (_name, lie) => {
    const hop = await back(lie());
    expect(hop.location).toBe(`${fooled.url}/sign-in#problem=invalid`);
    expect(hop.setCookies.some((each) => each.startsWith("hookline_session=") && !each.includes("Max-Age=0"))).toBe(false);
  });

  test.each([
    ["refuses the code", { status: 400, body: '{"error":"invalid_grant","error_description":"secret detail"}' }],
    ["fails", { status: 500, body: "<html>stack trace</html>" }],
    ["answers no JSON", { status: 200, body: "hello" }],
    ["answers without an ID token", { status: 200, body: '{"access_token":"a","token_type":"Bearer"}' }],
    ["answers without end", { status: 200, body: JSON.stringify({ junk: "x".repeat(200_000) }) }],
  ])("OIDC a token endpoint that %s is one word, and nothing of its answer is shown", async (_name, token) => {
    const hop = await back({ token });
    expect(hop.location).toMatch(/#problem=(invalid|unreachable)$/);
    expect(JSON.stringify(hop)).not.toMatch(/secret detail|stack|junk/);
  });

  test("OIDC what no browser of ours began asks the provider nothing", async () => {
    const before = liar.asked;
    await createBrowser().get(`${fooled.url}/sign-in/oidc/callback?code=c&state=s`);
    expect(liar.asked).toBe(before);
  });
});
