/** B54: what is open follows the rights of now, whoever changes them, by whatever statement, on whichever process. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { authenticate } from "../../src/accounts/authenticate.ts";
import type { Caller, Role } from "../../src/accounts/caller.ts";
import { changePassword } from "../../src/accounts/own-password.ts";
import { revokeSession } from "../../src/accounts/own-sessions.ts";
import { signIn, signOut } from "../../src/accounts/sessions.ts";
import { issueToken, revokeApiToken } from "../../src/accounts/tokens.ts";
import { createUser, deleteUser, updateUser } from "../../src/accounts/users.ts";
import { type TestApp, type TestServer, testApp } from "../helpers/app.ts";

const PASSWORD = "analytical-engine";
const LIVE = "subscription { webhookRequestUpdated { cursor } }";
/** The promise is one second; a loaded machine may take a little longer to tell of it. */
const WITHIN_MS = 1_500;

let app: TestApp;
let other: TestServer;
let people = 0;
beforeAll(async () => {
  app = await testApp();
  other = await app.another();
});
afterAll(() => app?.close());

interface Person {
  id: string;
  email: string;
  /** An API token of theirs, with all that their role allows. */
  token: string;
  tokenId: string;
}

async function person(role: Role = "ADMIN"): Promise<Person> {
  people += 1;
  const email = `rights-${people}@example.test`;
  const { id } = await createUser(app.t.core, app.t.admin, { email, name: "Ada", password: PASSWORD, role });
  const { token, apiToken } = await issueToken(app.t.core, { organizationId: app.t.organizationId, userId: id, name: "t", role });
  return { id, email, token, tokenId: apiToken.id };
}

/** A socket with a subscription that runs. */
async function socket(server: TestServer, token: string) {
  const ws = new WebSocket(`${server.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  const messages: { type: string; id?: string; payload?: unknown }[] = [];
  const closed = new Promise<number>((resolve) => ws.once("close", resolve));
  const acknowledged = new Promise<void>((resolve) =>
    ws.on("message", (data) => {
      const message = JSON.parse(String(data)) as (typeof messages)[number];
      if (message.type === "connection_ack") resolve();
      else messages.push(message);
    }),
  );
  await new Promise((resolve, reject) => ws.once("open", resolve).once("error", reject));
  const send = (message: unknown) => ws.send(JSON.stringify(message));
  send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } });
  await acknowledged;
  send({ type: "subscribe", id: "live", payload: { query: LIVE } });
  return { send, messages, closed };
}

/** `ended` resolves when the stream has. */
async function stream(server: TestServer, token: string): Promise<{ ended: Promise<void> }> {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query: LIVE }),
  });
  expect(response.status).toBe(200);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const read = async () => {
    while (!(await reader.read()).done);
  };
  return { ended: read() };
}

async function within<T>(promise: Promise<T>): Promise<T> {
  const late = sleep(WITHIN_MS, undefined, { ref: false }).then(() => Promise.reject(new Error(`nothing ended within ${WITHIN_MS} ms`)));
  return Promise.race([promise, late]);
}

const sql = (text: string, values: unknown[]) => app.t.core.db.pool.query(text, values);

/** What becomes of the rights; and the close code that says so. */
const changes: [name: string, change: (who: Person) => Promise<unknown>, code: number][] = [
  ["the role is lowered", ({ id }) => updateUser(app.t.core, app.t.admin, { id, role: "VIEWER" }), 4403],
  ["the role is lowered by SQL", ({ id }) => sql("UPDATE users SET role = 'MEMBER' WHERE id = $1", [id]), 4403],
  ["a scope is taken away", ({ tokenId }) => sql("UPDATE api_token SET scopes = '{webhooks:read}' WHERE id = $1", [tokenId]), 4403],
  ["the token's role is lowered", ({ tokenId }) => sql("UPDATE api_token SET role = 'VIEWER' WHERE id = $1", [tokenId]), 4403],
  ["the token is revoked", ({ tokenId }) => revokeApiToken(app.t.core, app.t.admin, tokenId), 4401],
  ["the token expires", ({ tokenId }) => sql("UPDATE api_token SET expires_at = now() WHERE id = $1", [tokenId]), 4401],
  ["the user is disabled", ({ id }) => updateUser(app.t.core, app.t.admin, { id, disabled: true }), 4401],
  ["the user is deleted", ({ id }) => deleteUser(app.t.core, app.t.admin, id), 4401],
  ["the user is deleted by SQL", ({ id }) => sql("DELETE FROM users WHERE id = $1", [id]), 4401],
];

describe("B54 open sockets and streams end within 1 s, on this process and on another", { timeout: 30_000 }, () => {
  test.each(changes)("B54 %s", async (_name, change, code) => {
    const who = await person();
    const here = await socket(app, who.token);
    const there = await socket(other, who.token);
    const streams = [await stream(app, who.token), await stream(other, who.token)];
    await change(who);
    expect(await within(Promise.all([here.closed, there.closed]))).toEqual([code, code]);
    await within(Promise.all(streams.map(({ ended }) => ended)));
  });

  test("B54 a notification that is lost changes nothing: they are asked about all the time", async () => {
    const who = await person();
    const open = await socket(other, who.token);
    const { ended } = await stream(app, who.token);
    // Replicas' sessions fire no trigger: nobody is told.
    await app.t.asServer(`SET session_replication_role = replica; UPDATE users SET role = 'VIEWER' WHERE id = '${who.id}'`);
    expect(await within(open.closed)).toBe(4403);
    await within(ended);
  });

  test("B54 what changes no rights ends nothing", async () => {
    const who = await person();
    const open = await socket(other, who.token);
    await updateUser(app.t.core, app.t.admin, { id: who.id, name: "Ada Lovelace", role: "ADMIN" });
    await sql("UPDATE api_token SET last_used_at = now() WHERE id = $1", [who.tokenId]);
    open.send({ type: "subscribe", id: "q", payload: { query: "{ viewer { role } }" } });
    for (const deadline = Date.now() + 5_000; !open.messages.some(({ id }) => id === "q") && Date.now() < deadline; ) await sleep(10);
    expect(open.messages.find(({ id }) => id === "q")).toMatchObject({ type: "next", payload: { data: { viewer: { role: "ADMIN" } } } });
  });

  test("B54 a session that is revoked, signed out or superseded by a new password ends; that of whoever changed it stays", async () => {
    const { email } = await person("MEMBER");
    const begin = async () => {
      const { token } = await signIn(app.t.core, { login: email, password: PASSWORD });
      const caller = (await authenticate(app.t.core, token))?.caller as Caller;
      return { token, caller, open: await socket(other, token) };
    };
    const [first, second, third] = [await begin(), await begin(), await begin()];
    await revokeSession(app.t.core, first.caller, second.caller.credentialId as string);
    expect(await within(second.open.closed)).toBe(4401);
    await changePassword(app.t.core, first.caller, { currentPassword: PASSWORD, newPassword: "difference-engine" });
    expect(await within(third.open.closed)).toBe(4401);
    first.open.send({ type: "ping" });
    for (const deadline = Date.now() + 5_000; first.open.messages.length === 0 && Date.now() < deadline; ) await sleep(10);
    expect(first.open.messages).toEqual([{ type: "pong" }]);
    await signOut(app.t.core, first.caller);
    expect(await within(first.open.closed)).toBe(4401);
  });

  test("B54 an administrator made viewer makes no other administrator on the socket that is open", async () => {
    const who = await person();
    const open = await socket(app, who.token);
    await sql("UPDATE users SET role = 'VIEWER' WHERE id = $1", [who.id]);
    const query = `mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }`;
    const input = { email: `evil-${people}@example.test`, name: "Eve", password: PASSWORD, role: "ADMIN" };
    open.send({ type: "subscribe", id: "evil", payload: { query, variables: { input } } });
    expect(await within(open.closed)).toBe(4403);
    expect(open.messages.filter(({ type }) => type === "next")).toEqual([]);
    expect((await sql("SELECT 1 FROM users WHERE email = $1", [input.email])).rowCount).toBe(0);
  });
});
