/** Cotalker's rules T1–T27, each by its number, asked with plain HTTP against the real server, database and receiver. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createUser } from "../../../src/accounts/users.ts";
import { objectId } from "../../../src/wire/ids.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { type Receiver, startReceiver } from "../../helpers/receiver.ts";

const SUBSCRIPTION = "/api/v3/webhook/subscription";

let app: TestApp;
let receiver: Receiver;
let names = 0;

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the face answered
  body: any;
}

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(app.url + path, {
    method,
    headers: { authorization: `Bearer ${app.adminToken}`, admin: "true", "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

const unique = (name: string) => `${name} ${++names}`;

async function webhook(input: Record<string, unknown> = {}): Promise<Answer["body"]> {
  const { status, body } = await call("POST", SUBSCRIPTION, {
    name: unique("Hook"),
    url: `${receiver.url}/${names}`,
    trigger: "create-edit-delete-user",
    ...input,
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body;
}

async function emit(event: Record<string, unknown>): Promise<void> {
  const { status } = await call("POST", "/v1/events", { payload: {}, ...event });
  expect(status).toBe(202);
}

/** Waits until a webhook's log holds so many attempts. */
async function logs(id: string, count: number): Promise<Answer["body"]> {
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 25))) {
    const { body } = await call("GET", `${SUBSCRIPTION}/logs/${id}`);
    if (body.length >= count) return body;
    if (Date.now() > deadline) throw new Error(`${body.length} of ${count} log entries: ${JSON.stringify(body)}`);
  }
}

const to = (hook: { url: string }) => receiver.calls.filter((each) => each.path === new URL(hook.url).pathname);

beforeAll(async () => {
  app = await testApp({ retryScale: 0.002 }, { worker: true });
  receiver = await startReceiver();
});
afterAll(async () => {
  await receiver?.close();
  await app?.close();
});
beforeEach(() => receiver.respond(200));

test("T1 an event is sent at once to the server that the admin set up", async () => {
  const hook = await webhook();
  await emit({ type: "user.created", entity: "user", entityId: "u1", payload: { name: "Ann" } });
  const [entry] = await logs(hook._id, 1);
  expect(to(hook)).toHaveLength(1);
  expect(to(hook)[0]?.headers["content-type"]).toMatch(/^application\/json/);
  expect(entry.event).toEqual(to(hook)[0]?.json());
});

test("T2 T3 every trigger fires on its own events and on nothing else", async () => {
  const nouns = { user: "COTUser", task: "COTTask", survey: "COTSurvey", property: "COTProperty", note: "COTNote" };
  const scope = { workflow: "w-t2", survey: "s-t2", group: "g-t2" };
  const context = { taskGroup: scope.workflow, survey: scope.survey, group: scope.group };
  const hooks = new Map<string, Answer["body"]>();
  for (const noun of Object.keys(nouns)) hooks.set(noun, await webhook({ trigger: `create-edit-delete-${noun}`, context }));
  hooks.set("logout", await webhook({ trigger: "logout-user" }));
  for (const noun of Object.keys(nouns)) {
    for (const verb of ["created", "updated", "deleted"]) await emit({ type: `${noun}.${verb}`, entity: noun, entityId: "1", scope });
    await emit({ type: `${noun}.touched`, entity: noun, entityId: "1", scope });
  }
  await emit({ type: "user.logged_out", entity: "user", entityId: "u9" });
  for (const [noun, hook] of hooks) {
    const expected = noun === "logout" ? 1 : 3;
    await logs(hook._id, expected);
    const bodies = to(hook).map((each) => each.json() as { type: string; event: string });
    expect(bodies.map((body) => body.event)).toEqual(noun === "logout" ? ["logout"] : ["create", "edit", "delete"]);
    expect(new Set(bodies.map((body) => body.type))).toEqual(new Set([noun === "logout" ? "Auth" : nouns[noun as keyof typeof nouns]]));
  }
});

test("T4 the next event is sent only after the one before was received, also when the server fails", async () => {
  const hook = await webhook();
  const path = new URL(hook.url).pathname;
  let first = true;
  receiver.respond((each) => {
    if (each.path !== path || !first) return 200;
    first = false;
    return 503;
  });
  for (const n of [1, 2, 3]) await emit({ type: "user.created", entity: "user", entityId: String(n), payload: { n } });
  await logs(hook._id, 4);
  expect(to(hook).map((each) => (each.json() as { data: { n: number } }).data.n)).toEqual([1, 1, 2, 3]);
});

test("T5 three tries 30 s apart, then it is given up and the queue goes on", async () => {
  const hook = await webhook();
  const path = new URL(hook.url).pathname;
  receiver.respond((each) => (each.path === path && (each.json() as { data: { n: number } }).data.n === 1 ? 500 : 200));
  await emit({ type: "user.created", payload: { n: 1 } });
  await emit({ type: "user.created", payload: { n: 2 } });
  const entries = await logs(hook._id, 4);
  expect(entries.map((each: Answer["body"]) => [each.event.data.n, each.retry, each.status])).toEqual([
    [2, 1, 200],
    [1, 3, 500],
    [1, 2, 500],
    [1, 1, 500],
  ]);
  // 30 s × 0.002, without jitter.
  const times = to(hook).map((each) => each.time.getTime());
  expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(59);
  expect((times[2] as number) - (times[1] as number)).toBeGreaterThanOrEqual(59);
});

test("T6 T7 the panel's operations: create, edit, disable; modifications need Admin: true and the role", async () => {
  const hook = await webhook();
  const path = `${SUBSCRIPTION}/${hook._id}`;
  expect((await call("PATCH", path, { name: "Edited" })).body).toMatchObject({ _id: hook._id, name: "Edited", code: hook.code });
  expect((await call("PATCH", path, { isActive: false })).body).toMatchObject({ isActive: false });
  expect((await call("PATCH", path, { name: "x" }, { admin: "1" })).status).toBe(403);
  expect((await call("POST", SUBSCRIPTION, {}, { admin: "" })).status).toBe(403);
  const member = await app.token({ role: "MEMBER" });
  expect((await call("PATCH", path, { name: "x" }, { authorization: `Bearer ${member}` })).status).toBe(403);
  expect((await call("GET", path, undefined, { authorization: `Bearer ${member}`, admin: "" })).status).toBe(200);
  expect((await call("GET", path, undefined, { authorization: "Bearer wrong" })).status).toBe(401);
  expect((await call("GET", SUBSCRIPTION, undefined, { authorization: "" })).status).toBe(401);
  expect([404, 405]).toContain((await call("DELETE", path)).status);
});

test("T8 creating answers 201 with the whole webhook", async () => {
  const hook = await webhook({ description: "to the CRM" });
  expect(hook).toEqual({
    _id: expect.stringMatching(/^[0-9a-f]{24}$/),
    company: objectId(app.t.organizationId),
    isActive: true,
    trigger: "create-edit-delete-user",
    url: hook.url,
    name: hook.name,
    code: hook.code,
    description: "to the CRM",
    context: { survey: "", group: "", taskGroup: "" },
    __v: 0,
  });
});

test("T9 disabled webhooks are listed when asked for", async () => {
  const hook = await webhook({ isActive: false });
  const ids = async (query: string) => ((await call("GET", SUBSCRIPTION + query)).body as { _id: string }[]).map((each) => each._id);
  expect(await ids("")).toContain(hook._id);
  expect(await ids("?isActive=all")).toContain(hook._id);
  expect(await ids("?isActive=false")).toContain(hook._id);
  expect(await ids("?isActive=true")).not.toContain(hook._id);
  expect((await call("GET", `${SUBSCRIPTION}?isActive=maybe`)).body).toMatchObject({ errors: [{ field: "isActive" }] });
});

test("T10 the table's columns; a definition of other event types or of another dialect is not in it", async () => {
  const hook = await webhook();
  const { body } = await call("POST", "/graphql", {
    query: `mutation { a: createWebhookDefinition(input: { name: "Odd", dialect: COTALKER, targetUrl: "${receiver.url}", eventTypes: ["user.created"] }) { __typename }
      b: createWebhookDefinition(input: { name: "Ours", targetUrl: "${receiver.url}", eventTypes: ["user.*"] }) { __typename } }`,
  });
  expect(body.data).toEqual({ a: { __typename: "CreatedWebhookDefinition" }, b: { __typename: "CreatedWebhookDefinition" } });
  const list = (await call("GET", SUBSCRIPTION)).body as { _id: string; name: string }[];
  expect(list.find((each) => each._id === hook._id)).toMatchObject({ name: hook.name, trigger: hook.trigger, url: hook.url });
  expect(list.map((each) => each.name)).not.toContain("Odd");
  expect(list.map((each) => each.name)).not.toContain("Ours");
});

test("T11 what is queued when a webhook is disabled is kept, new events are not taken, and it goes on in order", async () => {
  const hook = await webhook();
  const path = `${SUBSCRIPTION}/${hook._id}`;
  receiver.respond((each) => (each.path === new URL(hook.url).pathname ? { status: 200, delayMs: 150 } : 200));
  for (const n of [1, 2, 3, 4, 5]) await emit({ type: "user.created", payload: { n } });
  expect((await call("PATCH", path, { isActive: false })).body.isActive).toBe(false);
  await emit({ type: "user.created", payload: { n: 99 } });
  expect((await call("PATCH", path, { isActive: true })).body.isActive).toBe(true);
  await emit({ type: "user.created", payload: { n: 6 } });
  await logs(hook._id, 6);
  expect(to(hook).map((each) => (each.json() as { data: { n: number } }).data.n)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("T12 saving changes only what is sent; _id and company from a client are ignored", async () => {
  const hook = await webhook({ description: "before" });
  const { body } = await call("PATCH", `${SUBSCRIPTION}/${hook._id}`, { description: "after", _id: "0".repeat(24), company: "x" });
  expect(body).toEqual({ ...hook, description: "after" });
});

test("T13 a name is required and need not be unique", async () => {
  const name = unique("Twin");
  const first = await webhook({ name });
  const second = await webhook({ name });
  expect([first.name, second.name]).toEqual([name, name]);
  const { status, body } = await call("POST", SUBSCRIPTION, { url: receiver.url, trigger: "logout-user" });
  expect({ status, body }).toMatchObject({ status: 400, body: { message: expect.any(String), errors: [{ field: "name" }] } });
});

test("T14 a code is suggested from the name, unique, taken as given or refused, and never changes", async () => {
  const codes = await Promise.all([1, 2, 3].map(() => webhook({ name: "__Ärger & Co. (EU)!" })));
  expect(codes.map((each) => each.code).sort()).toEqual(["rger_co_eu", "rger_co_eu_2", "rger_co_eu_3"]);
  expect((await webhook({ name: "日本" })).code).toMatch(/^webhook/);
  const hook = await webhook({ code: "my_code_1" });
  expect(hook.code).toBe("my_code_1");
  for (const code of ["My_code", " my", "my-code", ""]) {
    const { status, body } = await call("POST", SUBSCRIPTION, { name: "n", url: receiver.url, trigger: "logout-user", code });
    expect({ code, status, field: body.errors?.[0]?.field }).toEqual({ code, status: 400, field: "code" });
  }
  await call("PATCH", `${SUBSCRIPTION}/${hook._id}`, { isActive: false });
  const taken = await call("POST", SUBSCRIPTION, { name: "n", url: receiver.url, trigger: "logout-user", code: "my_code_1" });
  expect(taken).toMatchObject({ status: 409, body: { errors: [{ field: "code" }] } });
  expect((await call("PATCH", `${SUBSCRIPTION}/${hook._id}`, { code: "other" })).status).toBe(400);
  expect((await call("PATCH", `${SUBSCRIPTION}/${hook._id}`, { code: "my_code_1" })).status).toBe(200);
});

test("T15 a URL must be http(s) and allowed by the egress guard", async () => {
  for (const url of ["ftp://example.com/", "nonsense", "http://10.0.0.1/", "https://169.254.169.254/", ""]) {
    const { status, body } = await call("POST", SUBSCRIPTION, { name: "n", url, trigger: "logout-user" });
    expect({ url, status, field: body.errors?.[0]?.field }).toEqual({ url, status: 400, field: "url" });
  }
});

test("T16 a description is kept, and optional", async () => {
  expect((await webhook({ description: "short" })).description).toBe("short");
  expect((await webhook()).description).toBe("");
});

test("T17 a task trigger needs a workflow, and fires only for it", async () => {
  const refused = await call("POST", SUBSCRIPTION, { name: "n", url: receiver.url, trigger: "create-edit-delete-task" });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: "context.taskGroup" }] } });
  expect((await call("POST", SUBSCRIPTION, { name: "n", url: receiver.url, trigger: "none" })).body.errors[0].field).toBe("trigger");
  const hook = await webhook({ trigger: "create-edit-delete-task", context: { taskGroup: "w17" } });
  expect(hook.context).toEqual({ survey: "", group: "", taskGroup: "w17" });
  await emit({ type: "task.created", scope: { workflow: "other" } });
  await emit({ type: "task.created" });
  await emit({ type: "task.created", payload: { mine: true }, scope: { workflow: "w17" } });
  await logs(hook._id, 1);
  expect(to(hook).map((each) => (each.json() as { data: unknown }).data)).toEqual([{ mine: true }]);
});

test("T18 a survey trigger needs survey and group, and fires only for both", async () => {
  const refused = await call("POST", SUBSCRIPTION, {
    name: "n",
    url: receiver.url,
    trigger: "create-edit-delete-survey",
    context: { survey: "s" },
  });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ field: "context.group" }] } });
  const hook = await webhook({ trigger: "create-edit-delete-survey", context: { survey: "s18", group: "g18", taskGroup: "unused" } });
  expect(hook.context).toEqual({ survey: "s18", group: "g18", taskGroup: "" });
  await emit({ type: "survey.created", scope: { survey: "s18" } });
  await emit({ type: "survey.created", scope: { survey: "s18", group: "g18" }, payload: { mine: true } });
  await logs(hook._id, 1);
  expect(to(hook).map((each) => (each.json() as { data: unknown }).data)).toEqual([{ mine: true }]);
});

test("T19 the identifier is an ObjectId; unknown and foreign ones are 404, malformed ones 400", async () => {
  const hook = await webhook();
  expect((await call("GET", `${SUBSCRIPTION}/${hook._id}`)).body).toEqual(hook);
  expect((await call("GET", `${SUBSCRIPTION}/${"a".repeat(24)}`)).status).toBe(404);
  expect((await call("GET", `${SUBSCRIPTION}/${hook._id.toUpperCase().slice(0, 23)}`)).status).toBe(400);
  const other = await app.t.organization();
  const stranger = await app.token({ organizationId: other.id });
  expect((await call("GET", `${SUBSCRIPTION}/${hook._id}`, undefined, { authorization: `Bearer ${stranger}` })).status).toBe(404);
  expect((await call("PATCH", `${SUBSCRIPTION}/${hook._id}`, { name: "x" }, { authorization: `Bearer ${stranger}` })).status).toBe(404);
  expect((await call("GET", `${SUBSCRIPTION}/logs/${hook._id}`, undefined, { authorization: `Bearer ${stranger}` })).status).toBe(404);
});

test("T20 T23 200 to 209 is success, everything else is a failure", async () => {
  for (const [status, tries] of [
    [200, 1],
    [209, 1],
    [210, 3],
    [299, 3],
    [302, 3],
    [404, 3],
    [410, 3],
    [500, 3],
  ] as const) {
    const hook = await webhook();
    receiver.respond((each) => (each.path === new URL(hook.url).pathname ? status : 200));
    await emit({ type: "user.created" });
    const entries = await logs(hook._id, tries);
    expect(entries.map((each: Answer["body"]) => each.status)).toEqual(Array.from({ length: tries }, () => status));
    expect((await call("GET", `${SUBSCRIPTION}/${hook._id}`)).body.isActive).toBe(true);
    await call("PATCH", `${SUBSCRIPTION}/${hook._id}`, { isActive: false });
  }
});

test("T21 T22 T27 one log entry per attempt, newest first, with the model's keys", async () => {
  const hook = await webhook();
  receiver.respond((each) => (each.path === new URL(hook.url).pathname ? { status: 201, body: "thanks" } : 200));
  for (const n of [1, 2, 3]) await emit({ type: "user.created", payload: { n } });
  const entries = await logs(hook._id, 3);
  expect(entries.map((each: Answer["body"]) => each.event.data.n)).toEqual([3, 2, 1]);
  expect(entries[0]).toEqual({
    _id: expect.stringMatching(/^[0-9a-f]{24}$/),
    company: objectId(app.t.organizationId),
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    status: 201,
    retry: 1,
    response: "thanks",
    event: {
      company: objectId(app.t.organizationId),
      type: "COTUser",
      extraData: null,
      createdAt: expect.any(String),
      data: { n: 3 },
      event: "create",
    },
    subscription: hook._id,
    networkError: false,
    __v: 0,
  });
  const paged = (await call("GET", `${SUBSCRIPTION}/logs/${hook._id}?limit=1&skip=1`)).body;
  expect(paged.map((each: Answer["body"]) => each.event.data.n)).toEqual([2]);
  for (const limit of ["no", "0x2", "1e2", "", "1.5", "-1"])
    expect([limit, (await call("GET", `${SUBSCRIPTION}/logs/${hook._id}?limit=${limit}`)).status]).toEqual([limit, 400]);
});

test("T22 no HTTP answer is logged as 409 with the error, and told from a real 409", async () => {
  const gone = await startReceiver();
  await gone.close();
  const hook = await webhook({ url: `${gone.url}/gone` });
  await emit({ type: "user.created" });
  const [entry] = await logs(hook._id, 3);
  expect(entry).toMatchObject({ status: 409, retry: 3, networkError: true, response: expect.stringContaining("CONNECTION_REFUSED") });
  await call("PATCH", `${SUBSCRIPTION}/${hook._id}`, { isActive: false });
  const real = await webhook();
  receiver.respond((each) => (each.path === new URL(real.url).pathname ? 409 : 200));
  await emit({ type: "user.created" });
  expect((await logs(real._id, 3))[0]).toMatchObject({ status: 409, networkError: false });
});

test("T21 a resend by hand is logged as tries 1 to 3 again", async () => {
  const hook = await webhook();
  receiver.respond((each) => (each.path === new URL(hook.url).pathname ? 500 : 200));
  await emit({ type: "user.created" });
  await logs(hook._id, 3);
  await resend(hook.url, "REJECTED");
  const entries = await logs(hook._id, 6);
  expect(entries.map((each: Answer["body"]) => each.retry)).toEqual([3, 2, 1, 3, 2, 1]);
});

/** The oldest one of this URL and state. */
async function resend(url: string, state: string): Promise<void> {
  const found = await call("POST", "/graphql", {
    query: "query ($filter: WebhookRequestFilter) { webhookRequests(last: 1, filter: $filter) { edges { node { id } } } }",
    variables: { filter: { url, state: [state] } },
  });
  const made = await call("POST", "/graphql", {
    query: "mutation ($input: ResendWebhookRequestInput!) { resendWebhookRequest(input: $input) { __typename ... on Error { message } } }",
    variables: { input: { id: found.body.data.webhookRequests.edges[0].node.id, force: true } },
  });
  expect(made.body.data.resendWebhookRequest).toEqual({ __typename: "WebhookRequest" });
}

test("T21 the log is sorted by when attempts were sent: a resend of an old request is its newest entry", async () => {
  const hook = await webhook();
  for (const n of [1, 2, 3]) await emit({ type: "user.created", payload: { n } });
  await logs(hook._id, 3);
  await resend(hook.url, "DELIVERED");
  const entries = await logs(hook._id, 4);
  expect(entries.map((each: Answer["body"]) => each.event.data.n)).toEqual([1, 3, 2, 1]);
  const sent = entries.map((each: Answer["body"]) => each.createdAt);
  expect(sent).toEqual([...sent].sort().reverse());
});

test("T24 the log shows what was sent and what came back", async () => {
  const hook = await webhook();
  receiver.respond((each) => (each.path === new URL(hook.url).pathname ? { status: 200, body: '{"ok":true}' } : 200));
  await emit({ type: "user.created", payload: { deep: { list: [1, 2] } } });
  const [entry] = await logs(hook._id, 1);
  expect(entry.event).toEqual(to(hook)[0]?.json());
  expect(entry.response).toBe('{"ok":true}');
});

test("T25 an edit carries the state before it and the differences by JSON Pointer", async () => {
  const hook = await webhook();
  await emit({
    type: "user.updated",
    previous: { name: "A", tags: [1], "a/b": 1 },
    payload: { name: "B", tags: [1], "a/b": 2, added: true },
  });
  await emit({ type: "user.updated", payload: { name: "C" } });
  await logs(hook._id, 2);
  const [edit, bare] = to(hook).map((each) => each.json() as Answer["body"]);
  expect(edit).toMatchObject({ event: "edit", data: { name: "A", tags: [1], "a/b": 1 } });
  expect(edit.diff).toEqual({
    "/name": { previous: "A", changedTo: "B" },
    "/a~1b": { previous: 1, changedTo: 2 },
    "/added": { previous: null, changedTo: true },
  });
  expect(bare).toMatchObject({ data: { name: "C" }, diff: {} });
});

test("T26 creating a task sends the whole of it; a create has no diff", async () => {
  const hook = await webhook({ trigger: "create-edit-delete-task", context: { taskGroup: "w26" } });
  const payload = { title: "T", nested: { a: [1, { b: null }] } };
  await emit({ type: "task.created", scope: { workflow: "w26" }, payload });
  await logs(hook._id, 1);
  const body = to(hook)[0]?.json() as Answer["body"];
  expect(body.data).toEqual(payload);
  expect(body).not.toHaveProperty("diff");
});

test("T27 a logout has no data, and says who and when", async () => {
  const hook = await webhook({ trigger: "logout-user" });
  await emit({ type: "user.logged_out", entityId: "5f0000000000000000000001", occurredAt: "2026-01-02T03:04:05.678Z" });
  await logs(hook._id, 1);
  expect(to(hook)[0]?.json()).toEqual({
    company: objectId(app.t.organizationId),
    type: "Auth",
    extraData: { userId: "5f0000000000000000000001", timestamp: Date.parse("2026-01-02T03:04:05.678Z") },
    createdAt: "2026-01-02T03:04:05.678Z",
    data: null,
    event: "logout",
  });
});

test("sign-in by e-mail and password, and the same words for whatever is wrong", async () => {
  const email = `cot-${names}@example.test`;
  await createUser(app.t.core, app.t.admin, { email, name: "Cot", password: "correct horse battery", role: "ADMIN" });
  const { status, body } = await call("POST", "/auth/local", { email, password: "correct horse battery" }, { authorization: "" });
  expect(status).toBe(200);
  expect((await call("GET", SUBSCRIPTION, undefined, { authorization: `Bearer ${body.token}` })).status).toBe(200);
  const wrong = await call("POST", "/auth/local", { email, password: "x" }, { authorization: "" });
  const unknown = await call("POST", "/auth/local", { email: "nobody@example.test", password: "x" }, { authorization: "" });
  expect([wrong.status, unknown.status]).toEqual([401, 401]);
  expect(wrong.body).toEqual(unknown.body);
  expect((await call("POST", "/auth/local", "{", { authorization: "" })).status).toBe(400);
});

test("B64 an e-mail and password of several organizations ask for the organization, and take it", async () => {
  const [email, password] = [`both-${names}@example.test`, "correct horse battery"];
  const other = await app.t.organization("The other one");
  for (const admin of [app.t.admin, other.admin]) await createUser(app.t.core, admin, { email, name: "Cot", password, role: "ADMIN" });
  const signIn = (more: object) => call("POST", "/auth/local", { email, password, ...more }, { authorization: "" });
  const asked = await signIn({});
  expect([asked.status, asked.body.errors]).toEqual([
    400,
    [{ field: "organization", message: expect.stringContaining('"The other one"') }],
  ]);
  expect((await signIn({ organization: "The other one" })).status).toBe(200);
  expect((await signIn({ organization: "Nobody's" })).status).toBe(401);
});
