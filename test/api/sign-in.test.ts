/** The ways of a browser to a session without a password, and out of it again. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { createSession, createSignInLink } from "../../src/accounts/sessions.ts";
import { revokeApiToken } from "../../src/accounts/tokens.ts";
import { testApp } from "../helpers/app.ts";
import { graphql } from "../helpers/graphql.ts";

const app = await testApp();
afterAll(app.close);
const { core } = app.t;

async function enter(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const given = { "content-type": "application/json", origin: app.url, ...headers };
  return fetch(`${app.url}${path}`, { method: "POST", headers: given, body: JSON.stringify(body), redirect: "manual" });
}
const cookieOf = (response: Response) => (response.headers.getSetCookie()[0] ?? "").split(";")[0] as string;
const viewer = (cookie: string) => graphql(app, "{ viewer { role scopes user { id } } }", { headers: { cookie, origin: app.url } });
const link = () => createSignInLink(core, { id: app.t.admin.userId as string, organizationId: app.t.organizationId });

describe("B8 a sign-in link", () => {
  test("B8 is used up by a POST from our page, once, and by nothing else", async () => {
    const { token } = await link();
    for (const method of ["GET", "HEAD", "GET"]) {
      const looked = await fetch(`${app.url}/sign-in-link?token=${token}`, { method, redirect: "manual" });
      expect([looked.status, looked.headers.get("location")]).toEqual([303, `/sign-in#token=${token}`]);
      expect(looked.headers.getSetCookie()).toEqual([]);
    }
    expect((await enter("/sign-in-link", { token }, { origin: "https://evil.example" })).status).toBe(403);
    const form = await enter("/sign-in-link", { token }, { "content-type": "application/x-www-form-urlencoded" });
    expect(form.status).toBe(415);
    const first = await enter("/sign-in-link", { token });
    expect([first.status, await first.text(), first.headers.get("cache-control")]).toEqual([204, "", "no-store"]);
    expect((await viewer(cookieOf(first))).body.data.viewer.role).toBe("ADMIN");
    const second = await enter("/sign-in-link", { token });
    expect([second.status, second.headers.getSetCookie()]).toEqual([401, []]);
    expect(await second.json()).toMatchObject({ detail: "this link was used before, or is older than 15 minutes" });
  });

  test("B8 of two that post it at the same moment one gets in", async () => {
    const { token } = await link();
    const statuses = await Promise.all([1, 2, 3].map(async () => (await enter("/sign-in-link", { token })).status));
    expect(statuses.sort()).toEqual([204, 401, 401]);
  });

  test("B8 junk in its place answers no worse", async () => {
    for (const body of [{}, { token: 1 }, { token: "" }, { token: "x".repeat(2_000) }, [], null]) {
      expect((await enter("/sign-in-link", body)).status).toBe(400);
    }
    expect((await enter("/sign-in-link", { token: "hks_unknown" })).status).toBe(401);
    const hostile = await fetch(`${app.url}/sign-in-link?token=%0d%0aset-cookie:x`, { redirect: "manual" });
    expect(hostile.headers.get("location")).toBe("/sign-in");
  });
});

describe("B8 an API token on the sign-in page", () => {
  test("B8 gives a session that may do what the token may, and ends with it", async () => {
    const token = await app.token({ role: "MEMBER", scopes: ["webhooks:read"] });
    const answer = await enter("/sign-in-token", { token });
    expect(answer.status).toBe(204);
    expect(answer.headers.getSetCookie().every((cookie) => cookie.includes("SameSite=Lax"))).toBe(true);
    const cookie = cookieOf(answer);
    expect(cookie).not.toContain(token);
    expect((await viewer(cookie)).body.data.viewer).toMatchObject({ role: "MEMBER", scopes: ["webhooks:read"] });
    const { rows } = await core.db.pool.query<{ id: string }>("SELECT id FROM api_token WHERE role = 'MEMBER'");
    await revokeApiToken(core, app.t.admin, rows[0]?.id as string);
    expect((await viewer(cookie)).status).toBe(401);
    expect((await enter("/sign-in-token", { token })).status).toBe(401);
  });

  test("B8 an unknown token, a session's, a link's or an expired one is none; a foreign page may not ask", async () => {
    const { organizationId, userId } = app.t.admin;
    const session = await createSession(core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 });
    const expired = await app.token({ expiresAt: new Date(Date.now() - 1_000) });
    for (const token of ["hkl_unknown", session.token, (await link()).token, expired]) {
      expect((await enter("/sign-in-token", { token })).status).toBe(401);
    }
    expect((await enter("/sign-in-token", { token: app.adminToken }, { origin: "null" })).status).toBe(403);
  });
});

describe("B99 signing out", { timeout: 60_000 }, () => {
  // What browsers' GraphQL clients accept for every operation: a stream, too.
  const accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed";

  test("B99 is answered, although it ends the very session that asks, fifty times in a row", async () => {
    const { organizationId, userId } = app.t.admin;
    for (let i = 0; i < 50; i++) {
      const { token } = await createSession(core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 });
      const headers = { cookie: `hookline_session=${token}`, origin: app.url, accept, "content-type": "application/json" };
      const ask = (query: string) =>
        fetch(`${app.url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }), signal: AbortSignal.timeout(5_000) });
      // A live stream and a query of the same session are under way.
      const stream = await ask("subscription { webhookRequestUpdated { cursor } }");
      expect(stream.headers.get("content-type")).toContain("text/event-stream");
      const query = ask("{ viewer { role } }").then((response) => response.text());
      const out = await ask("mutation { signOut { __typename } }");
      expect(await out.json()).toEqual({ data: { signOut: { __typename: "Viewer" } } });
      expect(out.headers.getSetCookie()).toHaveLength(3);
      await query;
      // And the stream ends.
      for await (const _ of stream.body as ReadableStream<Uint8Array>);
      expect((await ask("{ viewer { role } }")).status).toBe(401);
      await sleep(i % 3);
    }
  });
});
