/** Applications through the API: made, found, deleted, and which events reach their definitions. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createRunMissed } from "../../src/events/missed.ts";
import { workReplays } from "../../src/requests/replay-run.ts";
import { globalId } from "../../src/wire/ids.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data, graphql } from "../helpers/graphql.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let app: TestApp;
let receiver: Receiver;
let token: string;
let serial = 0;

beforeAll(async () => {
  app = await testApp({}, { worker: true });
  receiver = await startReceiver();
  await workReplays(app.t.core, app.queue, createRunMissed(app.t.core, app.doors.ingest));
});
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});
beforeEach(async () => {
  const { admin } = await app.t.organization();
  token = await app.token({ organizationId: admin.organizationId });
  receiver.calls.splice(0);
});

// biome-ignore lint/suspicious/noExplicitAny: whatever it answered
type Answer = any;
async function mutate(name: string, input: object, fields: string): Promise<Answer> {
  const type = name === "createReplay" || name === "planReplay" ? "ReplayInput" : `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { it: ${name}(input: $input) { __typename ${fields} ... on Error { code message } ... on ValidationError { issues { path message } } } }`;
  return (await data(app, token, query, { input })).it;
}
const application = async (uid: string): Promise<string> =>
  (await mutate("createApplication", { uid, name: uid }, "... on Application { id }")).id;
async function definition(more: object = {}): Promise<{ id: string; path: string }> {
  const path = `/d${++serial}`;
  const made = await mutate(
    "createWebhookDefinition",
    { name: path, targetUrl: receiver.url + path, eventTypes: ["*"], ...more },
    "... on CreatedWebhookDefinition { definition { id } }",
  );
  return { id: made.definition.id, path };
}
const emit = (more: object = {}): Promise<Answer> =>
  mutate(
    "emitEvent",
    { type: "order.created", ...more },
    "... on Event { id application { uid } requests(first: 9) { edges { node { webhookDefinition { id } } } } }",
  );
const takers = (event: Answer): string[] => event.requests.edges.map((edge: Answer) => edge.node.webhookDefinition.id).sort();
const rest = (body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${app.url}/v1/events`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
async function takersOf(id: string): Promise<string[]> {
  const found = await data(app, token, "query ($id: ID!) { event(id: $id) { requests { edges { node { webhookDefinition { id } } } } } }", {
    id,
  });
  return takers(found.event);
}

describe("an application", () => {
  test("is made, changed, found by id and uid, listed with its definitions, and deleted", async () => {
    const id = await application("acme/eu");
    expect(await mutate("createApplication", { uid: "acme/eu", name: "x" }, "")).toMatchObject({ __typename: "ConflictError" });
    const own = await definition({ applicationId: id });
    await definition();
    const query = `query ($id: ID!) { byId: application(id: $id) { uid } byUid: application(uid: "acme/eu") { id name }
      applications(first: 3) { totalCount edges { node { id webhookDefinitions(first: 3) { totalCount edges { node { id application { uid } } } } } } } node(id: $id) { id } }`;
    expect(await data(app, token, query, { id })).toEqual({
      byId: { uid: "acme/eu" },
      byUid: { id, name: "acme/eu" },
      applications: {
        totalCount: 1,
        edges: [
          { node: { id, webhookDefinitions: { totalCount: 1, edges: [{ node: { id: own.id, application: { uid: "acme/eu" } } }] } } },
        ],
      },
      node: { id },
    });
    expect(await mutate("updateApplication", { id, uid: "acme", name: "Acme" }, "... on Application { uid name }")).toMatchObject({
      uid: "acme",
      name: "Acme",
    });
    expect(await mutate("deleteApplication", { id }, "... on Application { uid }")).toMatchObject({ uid: "acme" });
    expect(await data(app, token, query, { id })).toMatchObject({ byId: null, byUid: null, node: null, applications: { totalCount: 0 } });
    expect(await data(app, token, "query ($id: ID!) { node(id: $id) { id } }", { id: own.id })).toEqual({ node: null });
    expect(await mutate("updateApplication", { id, name: "x" }, "")).toMatchObject({ __typename: "NotFoundError" });
    await application("acme");
  });

  test.each([
    ["", "x"],
    ["a b", "x"],
    ["é", "x"],
    ["a\n", "x"],
    ["x".repeat(256), "x"],
    ["x", ""],
  ])("uid %j, name %j is refused by field", async (uid, name) => {
    const path = name === "" ? "name" : "uid";
    expect((await mutate("createApplication", { uid, name }, "")).issues).toEqual([{ path, message: expect.any(String) }]);
  });

  test("of another organization is not there", async () => {
    const id = await application("acme");
    const { admin } = await app.t.organization();
    token = await app.token({ organizationId: admin.organizationId });
    expect(
      await data(app, token, `query ($id: ID!) { application(id: $id) { id } node(id: $id) { id } applications { totalCount } }`, { id }),
    ).toEqual({
      application: null,
      node: null,
      applications: { totalCount: 0 },
    });
    const refused = { __typename: "NotFoundError" };
    expect(await mutate("updateApplication", { id, name: "x" }, "")).toMatchObject(refused);
    expect(await mutate("deleteApplication", { id }, "")).toMatchObject(refused);
    expect(
      await mutate("createWebhookDefinition", { name: "x", targetUrl: receiver.url, eventTypes: [], applicationId: id }, ""),
    ).toMatchObject(refused);
    expect((await emit({ application: "acme" })).issues[0].path).toBe("application");
  });

  test("with queued requests is deleted only when they are to be cancelled", async () => {
    const id = await application("acme");
    const own = await definition({ applicationId: id });
    await mutate("pauseAllDeliveries", { reason: "test" }, "");
    const event = await emit({ application: "acme" });
    expect(takers(event)).toEqual([own.id]);
    expect(await mutate("deleteApplication", { id }, "")).toMatchObject({ __typename: "ConflictError", code: "REQUESTS_WAIT" });
    expect(await mutate("deleteApplication", { id, cancelQueued: true }, "")).toMatchObject({ __typename: "Application" });
    expect((await emit({ application: "acme" })).issues[0].path).toBe("application");
    // The log keeps naming it.
    expect(await data(app, token, "query ($id: ID!) { event(id: $id) { application { uid } } }", { id: event.id })).toEqual({
      event: { application: { uid: "acme" } },
    });
  });

  test("takes five statements at most for a page with its definitions", async () => {
    for (const uid of ["a", "b", "c"]) await definition({ applicationId: await application(uid) });
    const page = await data(
      app,
      token,
      "{ applications { edges { node { uid webhookDefinitions(first: 5) { edges { node { name } } } } } } }",
    );
    expect(page.applications.edges.map(({ node }: Answer) => node.webhookDefinitions.edges.length)).toEqual([1, 1, 1]);
  });
});

describe("routing", () => {
  test("an event goes to its application's definitions and to those without one; without an application to the latter alone", async () => {
    const [a, b] = [await application("a"), await application("b")];
    const ofA = await definition({ applicationId: a });
    const ofB = await definition({ applicationId: b });
    const ours = await definition();
    expect(takers(await emit({ application: "a" }))).toEqual([ofA.id, ours.id].sort());
    expect(takers(await emit({ application: "b" }))).toEqual([ofB.id, ours.id].sort());
    const nobodys = await emit();
    expect(takers(nobodys)).toEqual([ours.id]);
    expect(nobodys.application).toBeNull();
    expect((await emit({ application: "a" })).application).toEqual({ uid: "a" });
    const one = await rest({ type: "order.created", application: "b" });
    expect(await takersOf((await one.json()).id)).toEqual([ofB.id, ours.id].sort());
    const many = await (await rest([{ type: "x", application: "a" }, { type: "x" }, { type: "x", application: null }])).json();
    expect(await Promise.all(many.events.map(({ id }: { id: string }) => takersOf(id)))).toEqual([
      [ofA.id, ours.id].sort(),
      [ours.id],
      [ours.id],
    ]);
    // Also where one statement is too small.
    const large = await (await rest(Array.from({ length: 1000 }, (_, i) => ({ type: "x", application: i % 2 ? "a" : "b" })))).json();
    expect(await takersOf(large.events[999].id)).toEqual([ofA.id, ours.id].sort());
  });

  test("a CloudEvent names its application by an extension", async () => {
    const own = await definition({ applicationId: await application("a") });
    const attributes = { specversion: "1.0", source: "/shop", type: "order.created", hooklineapplication: "a" };
    const structured = await rest({ ...attributes, id: "1" }, { "content-type": "application/cloudevents+json" });
    expect(await takersOf((await structured.json()).id)).toEqual([own.id]);
    const headers = Object.fromEntries(Object.entries({ ...attributes, id: "2" }).map(([name, value]) => [`ce-${name}`, value]));
    expect(await takersOf((await (await rest({}, headers)).json()).id)).toEqual([own.id]);
    const unknown = await rest({ ...attributes, id: "3", hooklineapplication: "zzz" }, { "content-type": "application/cloudevents+json" });
    expect(unknown.status).toBe(400);
  });

  test("an unknown application refuses the call, by its place", async () => {
    await application("a");
    expect((await emit({ application: "zzz" })).issues).toEqual([
      { path: "application", message: expect.stringContaining("no application of this organization") },
    ]);
    const refused = await mutate(
      "emitEvents",
      {
        events: [
          { type: "x", application: "a" },
          { type: "x", application: "A" },
        ],
      },
      "",
    );
    expect(refused.issues[0].path).toBe("events.1.application");
    for (const body of [
      { type: "x", application: "zzz" },
      { type: "x", application: "" },
      { type: "x", application: "a\u0000" },
      { type: "x", application: 1 },
    ])
      expect((await rest(body)).status).toBe(400);
  });

  test("one key means one event of one application", async () => {
    await application("a");
    await application("b");
    const first = await emit({ application: "a", idempotencyKey: "k" });
    expect((await emit({ application: "a", idempotencyKey: "k" })).id).toBe(first.id);
    expect(await emit({ application: "b", idempotencyKey: "k" })).toMatchObject({ __typename: "ConflictError" });
    expect(await emit({ idempotencyKey: "k" })).toMatchObject({ __typename: "ConflictError" });
  });

  test("a rule triggers an application's definition for its events alone", async () => {
    const own = await definition({ applicationId: await application("a"), eventTypes: [] });
    await mutate("createWorkflowRule", { name: "R", entity: "order", webhookDefinitionIds: [own.id] }, "... on WorkflowRule { id }");
    expect(takers(await emit({ entity: "order", application: "a" }))).toEqual([own.id]);
    expect(takers(await emit({ entity: "order" }))).toEqual([]);
  });

  test("what Hookline tells of itself goes to no application's definitions", async () => {
    const own = await definition({ applicationId: await application("a"), eventTypes: ["*", "hookline.*", "hookline.test"] });
    const ours = await definition({ eventTypes: ["hookline.*"] });
    await mutate("testAlert", {}, "... on Organization { id }");
    await receiver.waitFor((calls) => calls.some((call) => call.path === ours.path));
    // One transaction queued the event for all that take it.
    const { webhookRequests } = await data(app, token, "{ webhookRequests(first: 9) { edges { node { webhookDefinition { id } } } } }");
    expect(takers({ requests: webhookRequests })).toEqual([ours.id]);
    expect(takers(await emit({ type: "hooklines", application: "a" }))).toEqual([own.id]);
    expect(await emit({ type: "hookline.test", application: "a" })).toMatchObject({ __typename: "ValidationError" });
  });

  test("a definition that is moved takes the events of where it is now", async () => {
    const [a, b] = [await application("a"), await application("b")];
    const moving = await definition({ applicationId: a });
    const move = (applicationId: string | null) =>
      mutate("updateWebhookDefinition", { id: moving.id, applicationId }, "... on WebhookDefinition { id }");
    await move(b);
    expect(takers(await emit({ application: "a" }))).toEqual([]);
    expect(takers(await emit({ application: "b" }))).toEqual([moving.id]);
    await move(null);
    expect(takers(await emit())).toEqual([moving.id]);
    await mutate("updateWebhookDefinition", { id: moving.id, name: "n" }, "... on WebhookDefinition { id }");
    expect(takers(await emit({ application: "a" }))).toEqual([moving.id]);
  });

  test("a MISSED replay honours it, and a test event is its application's", async () => {
    const a = await application("a");
    await application("b");
    const since = new Date(Date.now() - 1_000).toISOString();
    const [mine] = [await emit({ application: "a" }), await emit({ application: "b" }), await emit()];
    const own = await definition({ applicationId: a });
    const input = { kind: "MISSED", webhookDefinitionId: own.id, since };
    expect(await mutate("planReplay", input, "... on ReplayPlan { total }")).toMatchObject({ total: 1 });
    await mutate("createReplay", input, "... on Replay { id }");
    for (const end = Date.now() + 15_000; !receiver.calls.some(({ path }) => path === own.path) && Date.now() < end; ) await sleep(20);
    expect(await takersOf(mine.id)).toEqual([own.id]);
    const tested = await mutate("testWebhookDefinition", { id: own.id }, "... on WebhookRequest { event { application { uid } } }");
    expect(tested.event).toEqual({ application: { uid: "a" } });
  });

  test("another process knows a new application at once", async () => {
    const other = await app.another();
    await emit();
    const own = await definition({ applicationId: await application("late") });
    const response = await fetch(`${other.url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ type: "x", application: "late" }),
    });
    expect(await takersOf((await response.json()).id)).toEqual([own.id]);
    expect(globalId("Application", "0199b1f2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")).toMatch(/^app_/);
    expect((await graphql(app, "{ applications { totalCount } }", { token })).status).toBe(200);
  });
});
