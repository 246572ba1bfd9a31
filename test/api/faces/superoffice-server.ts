/** SuperOffice's face over the real engine: HTTP, Postgres, worker, mail. */
import Fastify from "fastify";
import { expect } from "vitest";
import type { Role, Scope } from "../../../src/accounts/caller.ts";
import { ROLE_SCOPES } from "../../../src/accounts/caller.ts";
import { createSession } from "../../../src/accounts/sessions.ts";
import { issueToken } from "../../../src/accounts/tokens.ts";
import { createUser } from "../../../src/accounts/users.ts";
import type { Doors } from "../../../src/api/doors.ts";
import { superoffice } from "../../../src/api/faces/superoffice/face.ts";
import type { Config } from "../../../src/config.ts";
import { createSandbox } from "../../../src/delivery/sandbox/sandbox.ts";
import { type TestCore, testCore } from "../../helpers/database.ts";
import { testEngine } from "../../helpers/engine.ts";
import { type Mailbox, startMailbox } from "../../helpers/mailbox.ts";
import { type Receiver, testCa } from "../../helpers/receiver.ts";

export const WEBHOOK = "/api/v1/Webhook";
export const RPC = "/api/v1/Agents/Webhook";

export const errorOf = (status: number, type: string) => ({
  status,
  json: { Error: true, ErrorType: type, ErrorMessage: expect.any(String), ErrorSource: expect.any(String) },
});
export const NOT_FOUND = errorOf(404, "SoNotFoundException");

export const minimalWebhook = (receiver: Receiver, more: object = {}) => ({
  ...{ Name: "Tonys Contact Handler", Events: ["contact.created"], TargetUrl: `${receiver.url}/hook` },
  ...more,
});

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
  json: any;
}

export interface Options {
  method?: string;
  /** An object is sent as JSON. */
  body?: unknown;
  headers?: Record<string, string>;
  /** Null: no Authorization. */
  token?: string | null;
}

export interface SuperOffice {
  t: TestCore;
  doors: Doors;
  mailbox: Mailbox;
  url: string;
  /** An administrator's. */
  token: string;
  /** A call with the administrator's token, unless said otherwise; the path starts with /api/v1. */
  call(path: string, options?: Options): Promise<Answer>;
  post(path: string, body: unknown, options?: Options): Promise<Answer>;
  /** Saves a webhook. @throws when that is refused */
  create(webhook: object, options?: Options): Promise<Answer["json"]>;
  /** A token of a new user. */
  tokenFor(role: Role, scopes?: readonly Scope[], application?: string): Promise<string>;
  user(role: Role, password: string): Promise<{ email: string; number: number }>;
  /** The cookies of a signed-in browser. */
  cookie(): Promise<string>;
  close(): Promise<void>;
}

/** http targets are saved too, unless `overrides` says otherwise; retries do not wait. */
export async function startSuperOffice(overrides: Partial<Config> = {}): Promise<SuperOffice> {
  const mailbox = await startMailbox();
  const t = await testCore({ superofficeRequireHttps: false, retryScale: 0.001, smtpUrl: mailbox.url, ...overrides });
  const { core } = t;
  const sandbox = createSandbox({ threads: 1 });
  let url = "";
  const publicUrl = () => url;
  const { engine, close } = await testEngine(core, { sandbox, source: publicUrl, trust: [testCa] });
  const doors: Doors = { core, publicUrl, ...engine };
  const app = Fastify({ rewriteUrl: ({ url: path = "/" }) => superoffice.rewrite?.(path) ?? path });
  await superoffice.mount(app, doors);
  url = await app.listen({ port: 0, host: "127.0.0.1" });

  const tokenFor: SuperOffice["tokenFor"] = async (role, scopes = ROLE_SCOPES[role], application) => {
    const { userId } = await t.caller(role);
    const input = {
      organizationId: t.organizationId,
      userId: userId as string,
      name: "test",
      role,
      scopes,
      application: application ?? null,
    };
    return (await issueToken(core, input)).token;
  };
  const token = await tokenFor("ADMIN");

  const call: SuperOffice["call"] = async (path, options = {}) => {
    const { body, headers = {}, token: given = token } = options;
    const isText = typeof body === "string" || body === undefined;
    const response = await fetch(`${url}${path}`, {
      method: options.method ?? "GET",
      headers: {
        ...(given === null ? {} : { authorization: `Bearer ${given}` }),
        ...(body === undefined ? {} : { "content-type": "application/json; charset=utf-8" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") && text !== "";
    return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
  };

  return {
    ...{ t, doors, mailbox, url, token, call, tokenFor },
    post: (path, body, options = {}) => call(path, { method: "POST", body, ...options }),
    async create(webhook, options = {}) {
      const answer = await call(WEBHOOK, { method: "POST", body: webhook, ...options });
      if (answer.status !== 200) throw new Error(`not saved: ${answer.text}`);
      return answer.json;
    },
    async user(role, password) {
      const name = `${role.toLowerCase()}-${Math.random().toString(36).slice(2)}`;
      const user = await createUser(core, t.admin, { email: `${name}@example.test`, name, password, role });
      return { email: user.email, number: user.number };
    },
    async cookie() {
      const { organizationId, userId } = t.admin;
      return (await createSession(core, { organizationId, userId, kind: "BROWSER", ttlSeconds: 60 })).token;
    },
    async close() {
      await app.close();
      await close();
      await Promise.all([sandbox.close(), mailbox.close()]);
      await t.close();
    },
  };
}

/** Waits until `read` gives what `is` takes. @throws with what was last seen */
export async function eventually<T>(read: () => Promise<T> | T, is: (value: T) => boolean, timeoutMs = 15_000): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; ) {
    const value = await read();
    if (is(value)) return value;
    if (Date.now() > deadline) throw new Error(`it did not come about in ${timeoutMs} ms; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
