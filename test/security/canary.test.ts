/**
 * A canary for every kind of secret, through every door; then everything that the installation keeps or says is searched
 * for them: the whole database, its logs, every answer, metrics and pages. What is shown once is allowed once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Hookline, startHookline } from "./process.ts";

const MASTER_KEY = Buffer.from("CANARY-master-key-of-32-bytes-ab");
const ADMIN = "CANARY-admin-token-0123456789abcdef";

/** By what it is. Those that Hookline makes are added as they are shown. */
const secrets = new Map<string, string>([
  ["master key", MASTER_KEY.toString("base64")],
  ["master key, its bytes", MASTER_KEY.toString()],
  ["admin token", ADMIN],
  ["password", "CANARY-password-of-ann"],
  ["web service password", "CANARY-web-service-password"],
  ["secret key", "CANARY-hmac-secret-key"],
  ["signing secret of a SuperOffice webhook", "CANARY-superoffice-secret"],
  ["Authorization of a definition", "CANARY-definition-authorization"],
  ["API key header of a definition", "CANARY-definition-api-key"],
  ["Authorization of a connection", "CANARY-connection-authorization"],
  ["a wrong token", "hkt_CANARY-wrong-token"],
  ["a wrong password", "CANARY-wrong-password"],
  ["a wrong inbound key", "CANARY-wrong-inbound-key"],
  ["a query value", "CANARY-query-value"],
]);
const secret = (name: string) => secrets.get(name) as string;

/** Hidden from everybody without `secrets:read`, and from whatever is kept or printed. */
const hidden = new Map<string, string>([
  ["a custom header of a definition", "CANARY-custom-header-of-a-definition"],
  ["a credential under a harmless name", "CANARY-bearer-under-x-foo"],
  ["a custom header of a connection", "CANARY-custom-header-of-a-connection"],
  ["a property called apiKey", "CANARY-property-api-key"],
  ["a property within a property", "CANARY-nested-property"],
]);
/** Of a target: kept in clear where requests are found by it, and nowhere else. */
const URL_TOKENS = ["CANARY-target-query-value", "c4n4ryPathKey0123456789abcdef"];
const URL_COLUMNS = /^public\.(webhook_definition|webhook_request|attempt|connection|feed_entry|feed_unsequenced)/;

interface Said {
  where: string;
  text: string;
  /** An answer to somebody who may read secrets. */
  privileged?: boolean;
}
const said: Said[] = [];

let hookline: Hookline;
let receiver: Receiver;
beforeAll(async () => {
  receiver = await startReceiver();
  hookline = await startHookline({
    HOOKLINE_MASTER_KEY: `k1:${MASTER_KEY.toString("base64")}`,
    HOOKLINE_ADMIN_TOKEN: ADMIN,
    HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
    HOOKLINE_RETRY_SCALE: "0.001",
    HOOKLINE_SUPEROFFICE_REQUIRE_HTTPS: "false",
    HOOKLINE_LOG_LEVEL: "trace",
  });
});
afterAll(async () => {
  await hookline.stop();
  await receiver.close();
});

interface Asked {
  method?: string;
  token?: string | undefined;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: object | string;
  /** Finds in the answer what is shown this once, by its name. */
  once?: (body: Body) => Record<string, string>;
}
// biome-ignore lint/suspicious/noExplicitAny: whatever a door answered
type Body = any;

/** Everything of the answer is remembered for the search, but what is shown once. */
async function ask(path: string, { method, token = ADMIN, headers = {}, body, once }: Asked = {}): Promise<Body> {
  const form = typeof body === "string" ? {} : { "content-type": "application/json" };
  const response = await fetch(hookline.url + path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...(token === "" ? {} : { authorization: `Bearer ${token}` }), ...form, ...headers },
    redirect: "manual",
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  let text = `${response.status} ${JSON.stringify([...response.headers])}\n${await response.text()}`;
  const json = /^[{[]/.test(text.slice(text.indexOf("\n") + 1)) ? JSON.parse(text.slice(text.indexOf("\n") + 1)) : undefined;
  for (const [name, value] of Object.entries(once?.(json) ?? {})) {
    expect(value, `${name} is shown once`).toEqual(expect.any(String));
    secrets.set(name, value);
    text = text.replaceAll(value, "(shown once)");
  }
  const privileged = path === "/graphql" && token !== "" && token !== secrets.get("reading token");
  said.push({ where: `${method ?? ""} ${path}`, text, privileged });
  return json;
}

async function graphql(query: string, variables: object = {}, options: Asked = {}): Promise<Body> {
  const answer = await ask("/graphql", { ...options, body: { query, variables } });
  return answer.data ?? answer;
}

/** @param fields of the thing it makes; none: it must be refused */
const mutate = async (name: string, fields: string, input: object, options: Asked = {}) => {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ${fields} ... on Error { code message } ... on ValidationError { issues { path message } } } }`;
  const result = (await graphql(query, { input }, options))[name];
  expect(/Error$/.test(result.__typename), `${name}: ${JSON.stringify(result)}`).toBe(fields === "");
  return result;
};

const DEFINITION = "id name code headers targetUrl lastError properties";

/** Every definition gets the event; two of the receivers fail, one sends back all it was sent. */
async function deliveries(): Promise<void> {
  receiver.respond((call) => {
    const echo = JSON.stringify({ headers: call.headers, body: call.body.toString() });
    if (call.path.startsWith("/echo")) return { status: 500, headers: { "x-echo": String(call.headers.authorization) }, body: echo };
    if (call.path.startsWith("/moved")) return { status: 302, headers: { location: `/else?key=${call.headers["x-api-key"]}` } };
    return 200;
  });
  const headers = {
    Authorization: `Bearer ${secret("Authorization of a definition")}`,
    "X-Api-Key": secret("API key header of a definition"),
  };
  const create = (input: object, once = true) =>
    mutate(
      "createWebhookDefinition",
      `... on CreatedWebhookDefinition { definition { ${DEFINITION} } signingSecret }`,
      { eventTypes: ["order.*"], retrySchedule: [1], headers, ...input },
      once ? { once: (body) => ({ [`signing secret ${secrets.size}`]: body.data.createWebhookDefinition.signingSecret }) } : {},
    );
  await create({ name: "Good", targetUrl: `${receiver.url}/good` });
  const value = (name: string) => hidden.get(name) as string;
  await create({
    name: "Hidden",
    targetUrl: `${receiver.url}/echo/${URL_TOKENS[1]}?token=${URL_TOKENS[0]}`,
    headers: {
      ...headers,
      "X-Tenant": value("a custom header of a definition"),
      "X-Foo": `Bearer ${value("a credential under a harmless name")}`,
    },
    properties: { region: "eu", apiKey: value("a property called apiKey"), deep: { list: [value("a property within a property")] } },
    publicProperties: ["region"],
  });
  await create({ name: "Ed25519", targetUrl: `${receiver.url}/good`, signatureVersions: ["V1", "V1A"] });
  const echo = await create({ name: "Echo", targetUrl: `${receiver.url}/echo` });
  await create({ name: "Moved", targetUrl: `${receiver.url}/moved` });
  await create({ name: "Closed", targetUrl: "http://127.0.0.1:1/" });
  await create({ name: "TLS", targetUrl: `${receiver.url.replace("http:", "https:")}/` });
  await create({ name: "Unknown", targetUrl: "https://canary.invalid/" });
  const { id: secretKeyId } = await mutate("createSecretKey", "... on SecretKey { id name lastFour }", {
    name: "main",
    secret: secret("secret key"),
  });
  await create({ name: "Keyed", dialect: "CRMCOM", targetUrl: `${receiver.url}/echo`, secretKeyId }, false);
  const connection = await mutate("createConnection", "... on Connection { id headers }", {
    name: "ERP",
    urlAdded: `${receiver.url}/echo`,
    headers: [
      { name: "Authorization", value: `Basic ${secret("Authorization of a connection")}` },
      { name: "X-Plant", value: value("a custom header of a connection") },
    ],
  });
  await create({ name: "Shared", connectionId: connection.id, headers: {} });
  const { id } = echo.definition;
  await mutate(
    "rotateSigningSecret",
    `... on RotatedSigningSecret { definition { ${DEFINITION} } signingSecret }`,
    { id, overlapSeconds: 60 },
    { once: (body) => ({ "rotated signing secret": body.data.rotateSigningSecret.signingSecret }) },
  );
  await mutate("updateWebhookDefinition", "... on WebhookDefinition { id headers }", { id, headers: { ...headers, "X-Region": "eu" } });
  await mutate("testWebhookDefinition", "... on WebhookRequest { id state request response errorDescription }", { id });
  for (const type of ["order.created", "order.updated"])
    await ask("/v1/events", { body: { type, entity: "order", payload: { total: 1 } } });
}

async function accounts(): Promise<{ session: string; reader: string }> {
  const password = secret("password");
  await mutate("createUser", "... on User { id email username }", {
    ...{ email: "ann@example.test", name: "Ann", password, role: "ADMIN" },
  });
  const signedIn = await mutate(
    "signIn",
    "... on SignedIn { token expiresAt }",
    { email: "ann@example.test", password },
    { token: "", once: (body) => ({ "session token": body.data.signIn.token }) },
  );
  await mutate("signIn", "", { email: "ann@example.test", password: secret("a wrong password") }, { token: "" });
  const token = (name: string, input: object) =>
    mutate(
      "createApiToken",
      "... on CreatedApiToken { apiToken { id name } token }",
      { name, ...input },
      { once: (body) => ({ [name]: body.data.createApiToken.token }) },
    );
  await token("API token", {});
  await token("application token", { application: "partner" });
  const reader = await token("reading token", { scopes: ["webhooks:read", "goals:read"] });
  return { session: signedIn.token, reader: reader.token };
}

async function faces(): Promise<void> {
  const goal = await mutate("createGoal", "... on Goal { id }", { name: "Revenue", direction: "MAXIMIZE" });
  const key = (url: string) => url.slice(url.lastIndexOf("/") + 1);
  const made = await mutate(
    "createInboundWebhook",
    "... on CreatedInboundWebhook { inboundWebhook { id name } targetUrl }",
    { goalId: goal.id },
    { once: (body) => ({ "inbound key": key(body.data.createInboundWebhook.targetUrl) }) },
  );
  const inbound = new URL(made.targetUrl).pathname;
  for (const body of [{ date: "2026-01-01", value: 1 }, { value: 1 }, "{"]) await ask(inbound, { token: "", body });
  await ask(`${inbound}x`, { token: "", body: {} });
  await ask(`${inbound}?token=${secret("a query value")}`, { token: "" });
  await ask(inbound.replace(/[^/]+$/, secret("a wrong inbound key")), { token: "", body: { date: "2026-01-01", value: 1 } });
  await ask(`/api/inbound-webhooks/${made.inboundWebhook.id}/rotate-key`, {
    method: "POST",
    once: (body) => ({ "rotated inbound key": key(body.targetUrl) }),
  });
  await ask("/api/v2/webservices", {
    body: { id: "erp", form: "orders", project: "plant", password: secret("web service password") },
  });
  expect(await ask("/api/v2/webservices")).toHaveLength(1);
  const password = secret("password");
  await ask("/auth/local", {
    token: "",
    body: { email: "ann@example.test", password },
    once: (body) => ({ "Cotalker token": body.token }),
  });
  await ask("/auth/local", { token: "", body: { email: "ann@example.test", password: secret("a wrong password") } });
  await ask("/crmapi/rest/v2/authentication/web_api_key/token", {
    headers: { authorization: `Basic ${Buffer.from(`${secret("API token")}:`).toString("base64")}` },
    body: {},
    once: (body) => ({ "CRM.COM token": body.data.token }),
  });
  await ask(`/crmapi/rest/v2/webhook_definitions/list?token=${secret("CRM.COM token")}`, { token: "" });
  await ask("/api/v1/Webhook", {
    body: {
      ...{ Name: "Contacts", Events: ["contact.created"], TargetUrl: `${receiver.url}/good` },
      ...{ Secret: secret("signing secret of a SuperOffice webhook") },
    },
    once: (body) => ({ "signing secret of a SuperOffice webhook": body.Secret }),
  });
  expect(await ask("/api/v1/Webhook", { token: secret("reading token") })).toHaveLength(1);
  await ask("/api/v1/contact.created/18", { body: { name: "Åse" } });
}

/** What is wrong in all the ways in which an answer might quote what it was sent. */
async function mistakes(session: string): Promise<void> {
  const password = secret("password");
  const user = { email: "bob@example.test", name: "Bob", role: "ADMIN", password };
  for (const input of [
    { ...user, name: undefined },
    { ...user, extra: 1 },
    { ...user, password: [password] },
    { ...user, role: 7 },
    password,
  ]) {
    await graphql("mutation ($input: CreateUserInput!) { createUser(input: $input) { __typename } }", { input });
  }
  await graphql(`mutation { createUser(input: { email: "a", password: "${password}" }) { __typename } }`);
  await graphql(`mutation { createUser(input: { password: ["${password}"], name: "${password}", email: 7, role: NONE }) { __typename } }`);
  await ask(`/graphql?query={viewer{role}}&variables={"password":"${password}`);
  for (const path of ["/graphql", "/v1/events", "/auth/local", "/api/v2/webservices", "/api/v1/Webhook", "/api/inbound-webhooks"]) {
    await ask(path, { body: `{"password":${password}`, headers: { "content-type": "application/json" } });
    await ask(path, { token: secret("a wrong token"), body: { password } });
  }
  await ask("/crmapi/rest/v2/authentication/token", { body: `{"password":${password}`, headers: { "content-type": "application/json" } });
  const headers = { Authorization: `${secret("Authorization of a definition")}\u0000` };
  await mutate("createWebhookDefinition", "", { name: "Bad", eventTypes: ["a"], targetUrl: "https://shop.example/", headers });
  await mutate("createWebhookDefinition", "", { name: "Bad", eventTypes: ["a"], targetUrl: `https://ann:${password}@shop.example/` });
  await mutate("createSecretKey", "", { name: "main", secret: secret("secret key") });
  await ask("/sign-in-link?token=CANARY-query-value", { token: "" });
  await ask(`/nothing?token=${secret("a query value")}`);
  await ask("/graphql", { token: "", headers: { cookie: `hookline_session=${session}` }, body: { query: "{ viewer { role } }" } });
}

const EVERYTHING = `{ viewer { role scopes user { email username } organization { name } }
  webhookDefinitions(first: 50) { edges { node { ${DEFINITION} filter transformation signingPublicKey } } }
  auditEntries(first: 100) { edges { node { id action before after tokenPrefix } } } }`;
/** Bodies are dear: a page of them is small. */
const REQUESTS = `query ($after: String) { webhookRequests(first: 20, after: $after) { pageInfo { hasNextPage endCursor }
  edges { node { state url authenticationCode request response errorCode errorDescription
    attempts(first: 5) { edges { node { requestUrl requestHeaders requestBody responseHeaders responseBody errorDescription } } } } } } }`;
const MORE = `{ connections(first: 20) { edges { node { id name headers } } } secretKeys(first: 20) { edges { node { name lastFour } } }
  apiTokens(first: 20) { edges { node { id name scopes } } } users(first: 20) { edges { node { email username } } }
  inboundWebhooks(first: 20) { edges { node { id name description } } } lanes(first: 20) { edges { node { state reason } } } }`;

async function reads(session: string): Promise<void> {
  for (const token of [ADMIN, secret("API token"), secret("reading token"), session]) {
    await graphql(EVERYTHING, {}, { token });
    let seen = 0;
    for (let after: string | null = null, more = true; more; ) {
      const { webhookRequests: page } = await graphql(REQUESTS, { after }, { token });
      seen += page?.edges.length ?? 0;
      [after, more] = [page?.pageInfo.endCursor, page?.pageInfo.hasNextPage ?? false];
    }
    if (token === ADMIN) expect(seen).toBeGreaterThan(15);
    await graphql(MORE, {}, { token });
  }
  for (const path of ["/metrics", "/healthz", "/readyz", "/openapi.json", "/", "/graphql", "/log", "/webhooks", "/nothing"]) {
    await ask(path, { headers: { accept: "text/html" } });
    await ask(path, { token: "", headers: { accept: "text/html" } });
  }
}

async function dump(): Promise<Said[]> {
  const client = new pg.Client({ connectionString: hookline.databaseUrl });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    );
    const found: Said[] = [];
    for (const { name } of tables.rows) {
      const rows = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
      found.push({ where: name, text: rows.rows.map(({ row }) => row).join("\n") });
    }
    return found;
  } finally {
    await client.end();
  }
}

/** As it is, and as it would stand in a URL, in a bytea column, or in Base64 wherever that begins. */
function forms(value: string): string[] {
  const bytes = Buffer.from(value);
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .slice(shift === 0 ? 0 : 4, -4),
  );
  return [value, encodeURIComponent(value), bytes.toString("hex"), ...base64];
}

test("no secret is kept, logged or said, but where it is shown once", async () => {
  const { session } = await accounts();
  await deliveries();
  await faces();
  await mistakes(session);
  for (const deadline = Date.now() + 15_000; ; await sleep(100)) {
    const { webhookRequests: left } = await graphql("{ webhookRequests(filter: { lifeCycleState: [PENDING] }) { totalCount } }");
    if (left.totalCount === 0) break;
    if (Date.now() > deadline) throw new Error("some requests were never settled");
  }
  await reads(session);
  // The canaries have been where they belong.
  const arrived = JSON.stringify(receiver.calls.map((call) => call.headers));
  for (const name of ["Authorization of a definition", "API key header of a definition", "Authorization of a connection"]) {
    expect(arrived).toContain(secret(name));
  }
  expect(secrets.size).toBeGreaterThan(25);

  const { out, err } = hookline.printed();
  expect(err).toContain('"msg"');
  const everything = [...said, ...(await dump()), { where: "standard output", text: out }, { where: "standard error", text: err }];
  expect(everything.filter(({ where }) => where.startsWith("public.")).length).toBeGreaterThan(25);
  const found = [...secrets].flatMap(([name, value]) =>
    forms(value).flatMap((form) =>
      everything.filter(({ text }) => text.includes(form)).map(({ where, text }) => `${name} in ${where}: ${around(text, form)}`),
    ),
  );
  expect(found).toEqual([]);

  const bodies = JSON.stringify(receiver.calls.map((call) => [call.headers, call.path, call.body.toString()]));
  for (const value of [...hidden.values(), ...URL_TOKENS]) expect(bodies).toContain(value);
  const unprivileged = everything.filter(({ privileged }) => privileged !== true);
  const seen = (name: string, value: string, places: Said[]) =>
    forms(value).flatMap((form) =>
      places.filter(({ text }) => text.includes(form)).map(({ where, text }) => `${name} in ${where}: ${around(text, form)}`),
    );
  expect(
    [...hidden].flatMap(([name, value]) => seen(name, value, unprivileged)),
    "B59",
  ).toEqual([]);
  const places = unprivileged.filter(({ where }) => !URL_COLUMNS.test(where));
  expect(
    URL_TOKENS.flatMap((value) => seen("a token of a target", value, places)),
    "B59",
  ).toEqual([]);
  // Who may read secrets sees them, in the log too.
  const clear = JSON.stringify(everything.filter(({ privileged }) => privileged === true));
  for (const name of ["a custom header of a definition", "a property called apiKey"]) expect(clear).toContain(hidden.get(name));
}, 120_000);

function around(text: string, form: string): string {
  const at = text.indexOf(form);
  return text.slice(Math.max(0, at - 80), at + form.length + 20);
}
