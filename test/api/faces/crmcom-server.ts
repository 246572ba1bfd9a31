/** What the tests of CRM.COM's face share: a server, a receiver, signing in, and calling as that product's clients do. */
import { expect } from "vitest";
import type { Caller, Role } from "../../../src/accounts/caller.ts";
import { createUser } from "../../../src/accounts/users.ts";
import type { Config } from "../../../src/config.ts";
import { createSecretKey } from "../../../src/definitions/secret-keys.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { type ReceivedCall, type Receiver, startReceiver } from "../../helpers/receiver.ts";

export const BASE = "/crmapi/rest/v2";
export const PASSWORD = "correct horse battery";
export const SECRET = "my-secret-key";
export const HEX_ID = /^[0-9A-F]{32}$/;

// biome-ignore lint/suspicious/noExplicitAny: whatever the face answered
export type Body = any;

export interface Answer {
  http: number;
  headers: Headers;
  /** `status.code` of the envelope. */
  code: string;
  status: { code: string; message: string; description: string };
  data: Body;
}

/** Parameters of a GET: a list of pairs, so that one may be given twice. */
export type Query = Record<string, string> | [string, string][];

export interface Crmcom {
  app: TestApp;
  receiver: Receiver;
  /** The administrator of the first organization, its user name and token. */
  admin: Caller;
  username: string;
  token: string;
  /** With the administrator's token, unless the query names another. */
  get(path: string, query?: Query): Promise<Answer>;
  /** An object is sent as JSON with the token, a text as it is. */
  post(path: string, body?: object | string, headers?: Record<string, string>): Promise<Answer>;
  form(path: string, fields: Query): Promise<Answer>;
  signIn(username: string, organisation: string): Promise<string>;
  /** The token of somebody new. */
  tokenOf(role: Role, organization?: { id: string; name: string; admin: Caller }): Promise<string>;
  /** A definition, and a rule on ACTIVITIES that triggers it for events whose payload says `to: <its code>`. */
  hook(input?: Record<string, unknown>): Promise<{ definition: Body; rule: Body; code: string }>;
  event(input: Record<string, unknown>): Promise<void>;
  /** The requests of a definition, newest first, once there are so many and all are settled. */
  settled(code: string, count?: number): Promise<Body[]>;
  /** Sends one event to a definition; its newest request once it is settled. */
  deliver(code: string, payload?: object, entityId?: string): Promise<Body>;
  /** What the receiver got for a definition. */
  calls(code: string): ReceivedCall[];
  close(): Promise<void>;
}

let counter = 0;
export const unique = (name: string) => `${name}_${++counter}`;

async function answerOf(response: Response): Promise<Answer> {
  const body = (await response.json()) as { status: Answer["status"]; data: Body };
  expect(Object.keys(body).sort()).toEqual(["data", "status"]);
  expect(body.status).toEqual({ code: expect.any(String), message: expect.any(String), description: expect.any(String) });
  if (body.status.code !== "OK") {
    expect(body.data).toBeNull();
    expect(body.status.message).not.toBe("");
  }
  return { http: response.status, headers: response.headers, code: body.status.code, status: body.status, data: body.data };
}

export async function startCrmcom(overrides: Partial<Config> = {}): Promise<Crmcom> {
  const app = await testApp({ retryScale: 0.001, ...overrides }, { worker: true });
  const receiver = await startReceiver();
  const admin = app.t.admin;
  await createSecretKey(app.t.core, admin, { name: "main", secret: SECRET });

  const post: Crmcom["post"] = async (path, body = {}, headers = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify({ token: crmcom.token, ...body });
    const all = { "content-type": "application/json", ...headers };
    return answerOf(await fetch(app.url + BASE + path, { method: "POST", headers: all, body: text }));
  };
  const withToken = (query: Query) => {
    const pairs = Array.isArray(query) ? query : Object.entries(query);
    return new URLSearchParams(pairs.some(([name]) => name === "token") ? pairs : [["token", crmcom.token], ...pairs]);
  };
  const newUser = async (role: Role, by: Caller) => {
    const username = unique("crm");
    await createUser(app.t.core, by, { email: `${username}@example.test`, name: `Person ${username}`, password: PASSWORD, role, username });
    return username;
  };

  const crmcom: Crmcom = {
    ...{ app, receiver, admin, post, username: "", token: "" },
    get: async (path, query = {}) => answerOf(await fetch(`${app.url}${BASE}${path}?${withToken(query)}`)),
    form: (path, fields) => post(path, withToken(fields).toString(), { "content-type": "application/x-www-form-urlencoded" }),
    async signIn(username, organisation) {
      const { http, code, data } = await post("/authentication/token", JSON.stringify({ username, password: PASSWORD, organisation }));
      expect({ http, code }).toEqual({ http: 200, code: "OK" });
      return data.token;
    },
    async tokenOf(role, organization) {
      return crmcom.signIn(await newUser(role, organization?.admin ?? admin), organization?.name ?? "First");
    },
    async hook(input = {}) {
      const code = unique("code");
      const definition = await post("/webhook_definitions/create", {
        name: `Definition ${code}`,
        alternative_code: code,
        url: `${receiver.url}/${code}`,
        secret_key_identifier: { name: "main" },
        ...input,
      });
      expect(definition.status).toMatchObject({ code: "OK", message: "" });
      const rule = await post("/workflow_rules/create", {
        name: `Rule ${code}`,
        alternative_code: `rule_${code}`,
        entity: "ACTIVITIES",
        conditions_set: { payload: { to: code } },
        actions_set: [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [{ alternative_code: code }] }],
      });
      expect(rule.status).toMatchObject({ code: "OK", message: "" });
      return { definition: definition.data, rule: rule.data, code };
    },
    async event(input) {
      const response = await fetch(`${app.url}/v1/events`, {
        method: "POST",
        headers: { authorization: `Bearer ${app.adminToken}`, "content-type": "application/json" },
        body: JSON.stringify({ type: "activity.changed", entity: "ACTIVITIES", payload: {}, ...input }),
      });
      expect(response.status).toBe(202);
    },
    async settled(code, count = 1) {
      for (const deadline = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 25))) {
        const { data } = await crmcom.get("/webhook_requests/list", { webhook_definition_identifier: `alternative_code=${code}` });
        if (data.length >= count && data.every((each: Body) => each.life_cycle_state !== "PENDING")) return data;
        if (Date.now() > deadline) throw new Error(`not ${count} settled: ${JSON.stringify(data)}`);
      }
    },
    async deliver(code, payload = {}, entityId = "A1") {
      const { data } = await crmcom.get("/webhook_requests/list", { webhook_definition_identifier: `alternative_code=${code}` });
      await crmcom.event({ entityId, payload: { to: code, ...payload } });
      return (await crmcom.settled(code, data.length + 1))[0];
    },
    calls: (code) => receiver.calls.filter((call) => call.path === `/${code}`),
    async close() {
      await receiver.close();
      await app.close();
    },
  };
  crmcom.username = await newUser("ADMIN", admin);
  crmcom.token = await crmcom.signIn(crmcom.username, "First");
  return crmcom;
}

export const byNumber = (request: { number: string }) => ({ webhook_request_identifier: `number=${request.number}` });
export const numbered = (request: { number: string }) => ({ webhook_request_identifier: { number: request.number } });
