/** One's own password and sessions through GraphQL: whoever signed in may, whatever their role. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createUser } from "../../src/accounts/users.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { graphql } from "../helpers/graphql.ts";

const PASSWORD = "analytical-engine";
const NEW = "difference-engine";
const email = "vera@example.test";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
  await createUser(app.t.core, app.t.admin, { email, name: "Vera", password: PASSWORD, role: "VIEWER" });
});
afterAll(() => app?.close());

async function mutate(name: string, fields: string, input: object, token?: string) {
  const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ${fields} ... on Error { code message } ... on ValidationError { issues { path } } } }`;
  return (await graphql(app, query, { token, variables: { input } })).body.data[name];
}
const signIn = async (password: string): Promise<string> =>
  (await mutate("signIn", "... on SignedIn { token }", { email, password })).token;
const SESSIONS = "{ sessions { totalCount edges { node { id kind address current revokedAt } } } }";

describe("a viewer who signed in", { timeout: 120_000 }, () => {
  test("B62 sees their sessions, ends one, and changes their password, which ends the others", async () => {
    const [mine, other, third] = [await signIn(PASSWORD), await signIn(PASSWORD), await signIn(PASSWORD)];
    const { sessions } = (await graphql(app, SESSIONS, { token: mine })).body.data;
    expect(sessions.totalCount).toBe(3);
    const nodes = sessions.edges.map(({ node }: { node: unknown }) => node);
    const node = { id: expect.stringMatching(/^ses_/), kind: "BROWSER", address: "127.0.0.1", revokedAt: null };
    expect(nodes).toEqual([false, false, true].map((current) => ({ ...node, current })));

    const ended = await mutate("revokeSession", "... on Session { id revokedAt current }", { id: nodes[1].id }, mine);
    expect(ended).toEqual({ __typename: "Session", id: nodes[1].id, revokedAt: expect.any(String), current: false });
    expect((await graphql(app, SESSIONS, { token: other })).status).toBe(401);
    for (const id of [nodes[1].id.replace(/.$/, "z"), "ses_1", "usr_00000000000000000000000000000000"])
      expect((await mutate("revokeSession", "", { id }, mine)).code).toBe("NOT_FOUND");

    const change = (currentPassword: string, newPassword: string) =>
      mutate("changePassword", "... on User { email }", { currentPassword, newPassword }, mine);
    expect(await change("wrong", NEW)).toMatchObject({ __typename: "UnauthenticatedError" });
    expect(await change(PASSWORD, "short")).toMatchObject({ __typename: "ValidationError", issues: [{ path: "newPassword" }] });
    expect(await change(PASSWORD, NEW)).toEqual({ __typename: "User", email });
    expect((await graphql(app, SESSIONS, { token: third })).status).toBe(401);
    expect((await graphql(app, SESSIONS, { token: mine })).body.data.sessions.totalCount).toBe(1);
    await signIn(NEW);
  });

  test("an API token of a viewer is not the viewer", async () => {
    const token = await app.token({ role: "VIEWER" });
    expect((await graphql(app, SESSIONS, { token })).body.errors[0].extensions.code).toBe("FORBIDDEN");
    expect((await mutate("changePassword", "", { currentPassword: PASSWORD, newPassword: NEW }, token)).code).toBe("FORBIDDEN");
    expect((await mutate("revokeSession", "", { id: "ses_1" }, token)).code).toBe("FORBIDDEN");
  });
});
