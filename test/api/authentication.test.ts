/** Who gets what: the fields and routes of accounts, against every kind of caller; cookies; the 401 that comes first. */
import { afterAll, describe, expect, test } from "vitest";
import { authenticate } from "../../src/accounts/authenticate.ts";
import { bootstrap } from "../../src/accounts/bootstrap.ts";
import { revokeApiToken } from "../../src/accounts/tokens.ts";
import { newId } from "../../src/clock.ts";
import { globalId } from "../../src/wire/ids.ts";
import { testApp } from "../helpers/app.ts";
import { type GraphQLAnswer, graphql } from "../helpers/graphql.ts";

const app = await testApp();
afterAll(app.close);
const { core } = app.t;

async function revoked(): Promise<string> {
  const token = await app.token();
  const { rows } = await core.db.pool.query("SELECT id FROM api_token ORDER BY created_at DESC LIMIT 1");
  await revokeApiToken(core, app.t.admin, rows[0].id);
  return token;
}
async function operatorToken(): Promise<string> {
  const token = await app.token();
  await core.db.pool.query("UPDATE api_token SET operator = true WHERE id = (SELECT id FROM api_token ORDER BY created_at DESC LIMIT 1)");
  return token;
}

const tokens = {
  none: undefined,
  wrong: "hkl_wrong",
  expired: await app.token({ expiresAt: new Date(Date.now() - 1000) }),
  revoked: await revoked(),
  viewer: await app.token({ role: "VIEWER" }),
  member: await app.token({ role: "MEMBER" }),
  "wrong scope": await app.token({ scopes: ["goals:read", "goals:write"] }),
  admin: app.adminToken,
  operator: await operatorToken(),
} as const;
type Who = keyof typeof tokens;
const SIGNED_IN: readonly Who[] = ["viewer", "member", "wrong scope", "admin", "operator"];
const ADMINS: readonly Who[] = ["admin", "operator"];

interface Row {
  field: string;
  operation: () => Promise<{ query: string; variables?: Record<string, unknown> }> | { query: string; variables?: Record<string, unknown> };
  allowed: readonly Who[];
}

async function victim(): Promise<string> {
  return globalId("User", (await app.t.caller("VIEWER")).userId as string);
}
async function spareToken(): Promise<string> {
  await app.token();
  const { rows } = await core.db.pool.query("SELECT id FROM api_token ORDER BY created_at DESC LIMIT 1");
  return globalId("ApiToken", rows[0].id);
}
const call = (name: string, input: Record<string, unknown>) => ({
  query: `mutation ($input: ${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { __typename ... on Error { code message } } }`,
  variables: { input },
});
let serial = 0;

const queries: Row[] = [
  { field: "viewer", operation: () => ({ query: "{ viewer { role user { email } } }" }), allowed: SIGNED_IN },
  { field: "organization", operation: () => ({ query: "{ organization { name timeZone } }" }), allowed: SIGNED_IN },
  { field: "users", operation: () => ({ query: "{ users { totalCount } }" }), allowed: ADMINS },
  { field: "apiTokens", operation: () => ({ query: "{ apiTokens { totalCount edges { node { user { email } } } } }" }), allowed: ADMINS },
  { field: "auditEntries", operation: () => ({ query: "{ auditEntries { totalCount } }" }), allowed: ADMINS },
  { field: "node User", operation: async () => ({ query: `{ node(id: "${await victim()}") { id } }` }), allowed: ADMINS },
  { field: "nodes ApiToken", operation: async () => ({ query: `{ nodes(ids: ["${await spareToken()}"]) { id } }` }), allowed: ADMINS },
];
const mutations: Row[] = [
  { field: "createOrganization", operation: () => call("createOrganization", { name: "New" }), allowed: ["operator"] },
  {
    field: "setOrganizationFeature",
    operation: () =>
      call("setOrganizationFeature", {
        organizationId: globalId("Organization", app.t.organizationId),
        feature: "INBOUND_WEBHOOKS",
        enabled: true,
      }),
    allowed: ["operator"],
  },
  { field: "updateOrganization", operation: () => call("updateOrganization", { name: "First" }), allowed: ADMINS },
  {
    field: "createUser",
    operation: () =>
      call("createUser", { email: `matrix${++serial}@example.test`, name: "M", password: "long enough for all", role: "VIEWER" }),
    allowed: ADMINS,
  },
  { field: "updateUser", operation: async () => call("updateUser", { id: await victim(), name: "M" }), allowed: ADMINS },
  { field: "deleteUser", operation: async () => call("deleteUser", { id: await victim() }), allowed: ADMINS },
  { field: "createApiToken", operation: () => call("createApiToken", { name: "m", role: "VIEWER" }), allowed: ADMINS },
  { field: "revokeApiToken", operation: async () => call("revokeApiToken", { id: await spareToken() }), allowed: ADMINS },
  { field: "signOut", operation: () => call("signOut", {}), allowed: SIGNED_IN },
];

function outcome({ status, body }: GraphQLAnswer): string {
  if (status === 401) return body.errors[0].extensions.code;
  const code = body.errors?.[0]?.extensions?.code;
  if (code) return code;
  const [result] = Object.values(body.data ?? {}) as [{ __typename?: string; code?: string }];
  return result?.code ?? "ok";
}

describe.each([...queries, ...mutations])("$field", ({ operation, allowed }) => {
  test.each(Object.keys(tokens) as Who[])("%s", async (who) => {
    const { query, variables } = await operation();
    const answer = await graphql(app, query, { token: tokens[who], ...(variables ? { variables } : {}) });
    const expected = !SIGNED_IN.includes(who) ? "UNAUTHENTICATED" : allowed.includes(who) ? "ok" : "FORBIDDEN";
    expect(outcome(answer)).toBe(expected);
  });
});

test("a foreign id answers like an unknown one", async () => {
  const other = await app.t.organization();
  const foreign = globalId("User", other.admin.userId as string);
  const unknown = globalId("User", newId());
  const ids = [foreign, unknown, globalId("Organization", other.id), "nonsense", "usr_1", globalId("User", app.t.organizationId)];
  const { body } = await graphql(app, "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", { token: app.adminToken, variables: { ids } });
  expect(body).toEqual({ data: { nodes: ids.map(() => null) } });
  for (const id of ids)
    expect((await graphql(app, `{ node(id: "${id}") { id } }`, { token: app.adminToken })).body).toEqual({ data: { node: null } });
  for (const id of [foreign, unknown, "nonsense"]) {
    expect(outcome(await graphql(app, call("deleteUser", { id }).query, { token: app.adminToken, variables: { input: { id } } }))).toBe(
      "NOT_FOUND",
    );
  }
});

test("lists show the caller's organization only, and take no cursor of another", async () => {
  const other = await app.t.organization();
  const theirs = await app.token({ organizationId: other.id });
  const list = "query ($after: String) { users(after: $after) { edges { cursor node { id } } pageInfo { hasNextPage endCursor } } }";
  const mine = (await graphql(app, list, { token: app.adminToken })).body.data.users;
  const seen = (await graphql(app, list, { token: theirs })).body.data.users;
  const ids = new Set(mine.edges.map((edge: { node: { id: string } }) => edge.node.id));
  for (const edge of seen.edges) expect(ids.has(edge.node.id)).toBe(false);
  for (const after of [mine.pageInfo.endCursor, "junk"]) {
    expect((await graphql(app, list, { token: theirs, variables: { after } })).body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
  }
});

describe("signing in through the door", () => {
  const PASSWORD = "correct horse battery";
  const signIn = (email: string, password = PASSWORD, headers: Record<string, string> = {}) =>
    graphql(
      app,
      "mutation ($input: SignInInput!) { signIn(input: $input) { __typename ... on SignedIn { token expiresAt } ... on Error { code message } } }",
      {
        variables: { input: { email, password } },
        headers,
      },
    );

  test("needs no token, gives one, and sets both cookies", async () => {
    await graphql(app, call("createUser", {}).query, {
      token: app.adminToken,
      variables: { input: { email: "fay@example.test", name: "Fay", password: PASSWORD, role: "MEMBER", username: "fay" } },
    });
    for (const login of ["fay@example.test", "fay"]) {
      const { body, headers } = await signIn(login);
      expect(body.data.signIn).toMatchObject({ __typename: "SignedIn", token: expect.stringMatching(/^hks_/) });
      const [session, xsrf] = headers.getSetCookie();
      expect(session).toMatch(/^hookline_session=hks_.+; Path=\/; HttpOnly; SameSite=Lax; Expires=/);
      expect(xsrf).toMatch(/^XSRF-TOKEN=[\w-]+; Path=\/; SameSite=Lax; Expires=/);
      expect((await graphql(app, "{ viewer { role } }", { token: body.data.signIn.token })).body.data.viewer.role).toBe("MEMBER");
    }
  });

  test("a wrong password and an unknown user answer the same", async () => {
    const [wrong, unknown] = [await signIn("fay@example.test", "wrong password"), await signIn("nobody@example.test")];
    expect(wrong.body).toEqual(unknown.body);
    expect(wrong.body.data.signIn).toMatchObject({ __typename: "UnauthenticatedError", code: "UNAUTHENTICATED" });
  });

  test("beside signIn nothing rides along without a token", async () => {
    for (const query of [
      'mutation { signIn(input: { email: "a", password: "b" }) { __typename } signOut { __typename } }',
      'mutation A { signIn(input: { email: "a", password: "b" }) { __typename } } query B { viewer { role } }',
      "mutation { ...f } fragment f on Mutation { signOut { __typename } }",
      "{ __typename }",
      "{ __schema { queryType { name } } }",
    ]) {
      expect((await graphql(app, query)).status).toBe(401);
    }
  });

  test("a cookie works with an Origin of ours only; signing out ends it and clears both", async () => {
    const { token } = (await signIn("fay")).body.data.signIn;
    const cookie = `hookline_session=${token}`;
    const ask = (headers: Record<string, string>, query = "{ viewer { role } }") =>
      graphql(app, query, { headers: { cookie, ...headers } });
    expect((await ask({ origin: app.url })).status).toBe(200);
    expect((await ask({})).status).toBe(403);
    expect((await ask({ origin: "https://evil.example" })).status).toBe(403);
    expect((await ask({ origin: "null" })).status).toBe(403);
    const out = await ask({ origin: app.url }, "mutation { signOut { __typename ... on Viewer { role } } }");
    expect(out.body.data.signOut).toEqual({ __typename: "Viewer", role: "MEMBER" });
    expect(out.headers.getSetCookie().every((header) => /=; Path=\/;.*Max-Age=0/.test(header))).toBe(true);
    expect((await ask({ origin: app.url })).status).toBe(401);
  });
});

test("the operator's token may be any text: spaces, signs, and letters beyond ASCII as UTF-8 or Latin-1", async () => {
  for (const [text, header] of [
    ['it is "any", text; of = 32 characters', 'it is "any", text; of = 32 characters'],
    ["übergroß, und länger als 32 Zeichen", "übergroß, und länger als 32 Zeichen"],
    ["überall 32 Zeichen, für 5 € oder mehr", Buffer.from("überall 32 Zeichen, für 5 € oder mehr").toString("latin1")],
    ["x".repeat(2_000), "x".repeat(2_000)],
  ] as const) {
    const another = { ...core, config: { ...core.config, adminToken: text } };
    await bootstrap(another);
    if (text.length > 1024) {
      expect((await authenticate(another, text))?.caller.operator).toBe(true);
      continue;
    }
    expect((await graphql(app, "{ viewer { role } }", { token: header })).body).toEqual({ data: { viewer: { role: "ADMIN" } } });
  }
});
