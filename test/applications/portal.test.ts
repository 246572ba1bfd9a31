/** The portal through HTTP: signed in by a link, and what its session sees of the organization: one application. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data, graphql } from "../helpers/graphql.ts";
import { overSocket } from "../helpers/live.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

// biome-ignore lint/suspicious/noExplicitAny: whatever it answered
type Answer = any;
let app: TestApp;
let receiver: Receiver;
let admin: string;
const ids = {} as Record<
  "a" | "b" | "ofA" | "ofB" | "ours" | "requestA" | "requestB" | "requestOurs" | "eventA" | "eventB" | "laneA" | "laneB",
  string
>;

async function mutate(token: string, name: string, input: object, fields: string): Promise<Answer> {
  const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const query = `mutation ($input: ${type}!) { it: ${name}(input: $input) { __typename ${fields} ... on Error { code message } } }`;
  const { body } = await graphql(app, query, { token, variables: { input } });
  return body.data?.it ?? { code: body.errors[0].extensions.code };
}
const cookiesOf = (response: Response): Record<string, string> =>
  Object.fromEntries(response.headers.getSetCookie().map((cookie) => (cookie.split(";")[0] as string).split(/=(.*)/s).slice(0, 2)));
const redeem = (url: string, origin = app.url) =>
  fetch(`${app.url}/portal/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/json", origin },
    body: JSON.stringify({ token: new URL(url).hash.slice("#token=".length) }),
  });
async function enter(applicationId: string, more: object = {}): Promise<string> {
  const { url } = await mutate(admin, "createPortalLink", { applicationId, ...more }, "... on PortalLink { url }");
  const response = await redeem(url);
  expect(response.status).toBe(204);
  return cookiesOf(response)["hookline_portal"] as string;
}
async function definition(applicationId: string | null): Promise<string> {
  const input = { name: "D", targetUrl: `${receiver.url}/${applicationId}`, eventTypes: ["*"], applicationId };
  return (await mutate(admin, "createWebhookDefinition", input, "... on CreatedWebhookDefinition { definition { id } }")).definition.id;
}
const code = async (token: string, query: string, variables: object = {}): Promise<string> => {
  const { body } = await graphql(app, query, { token, variables: variables as Record<string, unknown> });
  const first = Object.values(body.data ?? {})[0] as Answer;
  return body.errors?.[0]?.extensions?.code ?? first?.code ?? (first === null ? "null" : "ok");
};

beforeAll(async () => {
  app = await testApp({}, { worker: true });
  receiver = await startReceiver();
  admin = app.adminToken;
  for (const uid of ["a", "b"] as const)
    ids[uid] = (await mutate(admin, "createApplication", { uid, name: uid }, "... on Application { id }")).id;
  ids.ofA = await definition(ids.a);
  ids.ofB = await definition(ids.b);
  ids.ours = await definition(null);
  for (const [uid, of, name] of [
    ["a", ids.ofA, "A"],
    ["b", ids.ofB, "B"],
  ] as const) {
    const event = await mutate(
      admin,
      "emitEvent",
      { type: "order.created", application: uid, payload: { secretOf: uid } },
      "... on Event { id requests(first: 5) { edges { node { id lane { id } webhookDefinition { id } } } } }",
    );
    ids[`event${name}`] = event.id;
    const nodes = event.requests.edges.map(({ node }: Answer) => node);
    const own = nodes.find((node: Answer) => node.webhookDefinition.id === of);
    ids[`request${name}`] = own.id;
    ids[`lane${name}`] = own.lane.id;
    ids.requestOurs = nodes.find((node: Answer) => node.webhookDefinition.id === ids.ours).id;
  }
  await receiver.waitFor(4);
}, 60_000);
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});

describe("a link", () => {
  test("signs in once, by POST from a page of ours, to a session that ends when it does", async () => {
    const link = await mutate(
      admin,
      "createPortalLink",
      { applicationId: ids.a, expiresInSeconds: 120 },
      "... on PortalLink { url expiresAt }",
    );
    expect(link.url).toMatch(/\/portal#token=hks_/);
    expect(Date.parse(link.expiresAt) - Date.now()).toBeGreaterThan(100_000);
    expect((await redeem(link.url, "https://elsewhere.example")).status).toBe(403);
    const response = await redeem(link.url);
    expect(response.status).toBe(204);
    for (const cookie of response.headers.getSetCookie()) {
      expect(cookie).toContain("Path=/portal;");
      expect(cookie).toContain("SameSite=Lax");
      expect(cookie).toContain(new Date(link.expiresAt).toUTCString());
    }
    expect((await redeem(link.url)).status).toBe(401);
    const token = cookiesOf(response)["hookline_portal"] as string;
    expect(await data(app, token, "{ viewer { role scopes } }")).toEqual({
      viewer: { role: "MEMBER", scopes: expect.arrayContaining(["webhooks:read"]) },
    });
    // It is no key to other doors.
    expect((await fetch(`${app.url}/v1/audit`, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401);
    const emitted = await fetch(`${app.url}/v1/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: '{"type":"x"}',
    });
    expect(emitted.status).toBe(401);
  });

  test.each([59, 604_801, 0, -1])("good for %i seconds is refused", async (expiresInSeconds) => {
    expect(await mutate(admin, "createPortalLink", { applicationId: ids.a, expiresInSeconds }, "")).toMatchObject({
      __typename: "ValidationError",
    });
  });

  test("is not made by a portal's session, nor for another organization's application", async () => {
    const token = await enter(ids.a);
    expect((await mutate(token, "createPortalLink", { applicationId: ids.a }, "")).code).toBe("FORBIDDEN");
    const { admin: other } = await app.t.organization();
    const stranger = await app.token({ organizationId: other.organizationId });
    expect((await mutate(stranger, "createPortalLink", { applicationId: ids.a }, "")).code).toBe("NOT_FOUND");
  });

  test("and its session end with the application", async () => {
    const gone = (await mutate(admin, "createApplication", { uid: "gone", name: "Gone" }, "... on Application { id }")).id;
    const token = await enter(gone);
    const { url } = await mutate(admin, "createPortalLink", { applicationId: gone }, "... on PortalLink { url }");
    await mutate(admin, "deleteApplication", { id: gone }, "... on Application { id }");
    expect((await graphql(app, "{ viewer { role } }", { token })).status).toBe(401);
    expect((await redeem(url)).status).toBe(401);
  });
});

describe("the portal's cookie", () => {
  test("is good at the portal's own path; what writes proves to have read the cookie beside it", async () => {
    const { url } = await mutate(admin, "createPortalLink", { applicationId: ids.a }, "... on PortalLink { url }");
    const cookies = cookiesOf(await redeem(url));
    const send = (query: string, headers: Record<string, string> = {}) =>
      fetch(`${app.url}/portal/graphql`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          origin: app.url,
          cookie: `hookline_portal=${cookies["hookline_portal"]}`,
          ...headers,
        },
        body: JSON.stringify({ query }),
      });
    expect(await (await send("{ viewer { role } }")).json()).toEqual({ data: { viewer: { role: "MEMBER" } } });
    expect((await send("{ viewer { role } }", { origin: "https://elsewhere.example" })).status).toBe(403);
    const write = `mutation { rotateSigningSecret(input: { id: "${ids.ofA}" }) { __typename } }`;
    expect((await send(write)).status).toBe(403);
    expect((await send(write, { "x-xsrf-token": "x" })).status).toBe(403);
    const done = await send(write, { "x-xsrf-token": cookies["PORTAL-XSRF-TOKEN"] as string });
    expect(await done.json()).toEqual({ data: { rotateSigningSecret: { __typename: "RotatedSigningSecret" } } });
    // The cookie of the organization's own people does not count there.
    const staff = await send("{ viewer { role } }", { cookie: `hookline_session=${cookies["hookline_portal"]}` });
    expect(staff.status).toBe(401);
    const out = await send("mutation { signOut(input: {}) { __typename } }", { "x-xsrf-token": cookies["PORTAL-XSRF-TOKEN"] as string });
    expect(out.headers.getSetCookie()[0]).toMatch(/^hookline_portal=; Path=\/portal;.*Max-Age=0/);
    expect((await send("{ viewer { role } }")).status).toBe(401);
  });

  test("goes into frames of other sites only where these are named", async () => {
    const framed = await testApp({ portalFrameAncestors: ["https://app.example"] });
    try {
      const it = { token: framed.adminToken };
      const made = await graphql(
        framed,
        'mutation { createApplication(input: { uid: "a", name: "A" }) { ... on Application { id } } }',
        it,
      );
      const link = await graphql(
        framed,
        `mutation { createPortalLink(input: { applicationId: "${made.body.data.createApplication.id}" }) { ... on PortalLink { url } } }`,
        it,
      );
      const response = await fetch(`${framed.url}/portal/sign-in`, {
        method: "POST",
        headers: { "content-type": "application/json", origin: framed.url },
        body: JSON.stringify({ token: link.body.data.createPortalLink.url.split("#token=")[1] }),
      });
      const cookies = response.headers.getSetCookie();
      expect(cookies.length).toBe(2);
      for (const cookie of cookies) expect(cookie).toContain("Path=/portal; ");
      for (const cookie of cookies) expect(cookie).toContain("SameSite=None; Secure; Partitioned");
      expect(cookies[0]).toContain("HttpOnly");
    } finally {
      await framed.close();
    }
  });
});

describe("a portal's session", () => {
  let token: string;
  let viewer: string;
  beforeAll(async () => {
    token = await enter(ids.a);
    viewer = await enter(ids.a, { readOnly: true });
  });

  test("sees its application, and its definitions, requests, lanes, attempts alone", async () => {
    const seen = await data(
      app,
      token,
      `query ($a: ID!, $event: ID!) {
        application(id: $a) { uid webhookDefinitions(first: 5) { totalCount edges { node { id } } } }
        webhookDefinitions(first: 5) { totalCount edges { node { id application { uid } } } }
        webhookRequests(first: 5) { totalCount edges { node { id state webhookDefinition { id } event { payload } attempts(first: 2) { edges { node { outcome } } } } } }
        lanes(first: 5) { totalCount edges { node { id } } }
        event(id: $event) { payload }
      }`,
      { a: ids.a, event: ids.eventA },
    );
    expect(seen.application.webhookDefinitions).toEqual({ totalCount: 1, edges: [{ node: { id: ids.ofA } }] });
    expect(seen.webhookDefinitions).toEqual({ totalCount: 1, edges: [{ node: { id: ids.ofA, application: { uid: "a" } } }] });
    expect(seen.webhookRequests.totalCount).toBe(1);
    expect(seen.webhookRequests.edges[0].node).toMatchObject({ id: ids.requestA, event: { payload: { secretOf: "a" } } });
    expect(seen.lanes).toEqual({ totalCount: 1, edges: [{ node: { id: ids.laneA } }] });
    expect(seen.event).toEqual({ payload: { secretOf: "a" } });
  });

  test("finds nothing of another application's, or of the organization's, by id or number", async () => {
    const foreign = [ids.b, ids.ofB, ids.ours, ids.requestB, ids.requestOurs, ids.eventB, ids.laneB];
    const nodes = "query ($ids: [ID!]!, $id: ID!) { node(id: $id) { id } nodes(ids: $ids) { id } }";
    for (const id of [...foreign, "whd_none", "nothing"])
      expect((await graphql(app, nodes, { token, variables: { id, ids: [id, ids.ofA, id, ids.a] } })).body).toEqual({
        data: { node: null, nodes: [null, { id: ids.ofA }, null, { id: ids.a }] },
      });
    const one = (field: string, id: string) => code(token, `query ($id: ID!) { ${field}(id: $id) { id } }`, { id });
    for (const id of [ids.ofB, ids.ours]) expect(await one("webhookDefinition", id)).toBe("null");
    for (const id of [ids.requestB, ids.requestOurs]) expect(await one("webhookRequest", id)).toBe("null");
    expect(await one("event", ids.eventB)).toBe("null");
    expect(await one("application", ids.b)).toBe("null");
    expect(await code(token, '{ application(uid: "b") { id } }')).toBe("null");
    const numbers = await data(
      app,
      admin,
      "{ webhookRequests(first: 9) { edges { node { id number } } } webhookDefinitions(first: 9) { edges { node { id number code } } } }",
    );
    for (const { node } of numbers.webhookRequests.edges)
      expect(await code(token, "query ($n: SafeInt!) { webhookRequest(number: $n) { id } }", { n: node.number })).toBe(
        node.id === ids.requestA ? "ok" : "null",
      );
    for (const { node } of numbers.webhookDefinitions.edges) {
      expect(await code(token, `{ webhookDefinition(number: ${node.number}) { id } }`)).toBe(node.id === ids.ofA ? "ok" : "null");
      expect(await code(token, `{ webhookDefinition(code: "${node.code}") { id } }`)).toBe(node.id === ids.ofA ? "ok" : "null");
    }
    for (const filter of [{ webhookDefinitionId: ids.ofB }, { ids: [ids.requestB] }])
      expect(
        await code(token, "query ($filter: WebhookRequestFilter) { webhookRequests(filter: $filter) { totalCount } }", { filter }),
      ).toBe("NOT_FOUND");
  });

  test("is refused every field that is not listed for it, whatever leads to it", async () => {
    const { body } = await graphql(app, "{ webhookRequests(first: 1) { edges { node { event { requests { totalCount } } } } } }", {
      token,
    });
    expect(body).toMatchObject({ errors: [{ extensions: { code: "FORBIDDEN" } }] });
    expect(body.data ?? null).toBeNull();
    for (const query of [
      "{ users { totalCount } }",
      "{ organization { name } }",
      "{ viewer { organization { id } } }",
      "{ events { totalCount } }",
    ])
      expect(await code(token, query)).toBe("FORBIDDEN");
    expect(await code(token, "{ webhookDefinitions(first: 1) { edges { node { connection { id } } } } }")).toBe("FORBIDDEN");
    expect(await code(token, "fragment F on Organization { name } query ($id: ID!) { node(id: $id) { ...F } }", { id: ids.a })).toBe(
      "FORBIDDEN",
    );
    expect(await code(token, "{ __schema { queryType { name } } }")).toBe("ok");
  });

  test("manages its own definitions, and moves none", async () => {
    const target = { name: "Mine", targetUrl: `${receiver.url}/mine`, eventTypes: ["order.*"] };
    const created = "... on CreatedWebhookDefinition { definition { id application { uid } } }";
    const made = (await mutate(token, "createWebhookDefinition", target, created)).definition;
    expect(made.application).toEqual({ uid: "a" });
    expect((await mutate(token, "createWebhookDefinition", { ...target, applicationId: ids.b }, created)).code).toBe("NOT_FOUND");
    const change = (input: object) =>
      mutate(token, "updateWebhookDefinition", input, "... on WebhookDefinition { name application { uid } }");
    expect(await change({ id: made.id, name: "Renamed" })).toMatchObject({ name: "Renamed", application: { uid: "a" } });
    expect((await change({ id: made.id, applicationId: null })).code).toBe("FORBIDDEN");
    expect((await change({ id: made.id, applicationId: ids.b })).code).toBe("NOT_FOUND");
    for (const id of [ids.ofB, ids.ours]) {
      expect((await change({ id, name: "x" })).code).toBe("NOT_FOUND");
      expect((await mutate(token, "deleteWebhookDefinition", { id }, "")).code).toBe("NOT_FOUND");
      expect((await mutate(token, "rotateSigningSecret", { id }, "")).code).toBe("NOT_FOUND");
      expect((await mutate(token, "testWebhookDefinition", { id }, "")).code).toBe("NOT_FOUND");
      expect((await mutate(token, "stopWebhookDefinitions", { ids: [made.id, id] }, "")).code).toBe("NOT_FOUND");
      expect((await mutate(token, "activateWebhookDefinitions", { ids: [id] }, "")).code).toBe("NOT_FOUND");
    }
    const tested = await mutate(token, "testWebhookDefinition", { id: made.id }, "... on WebhookRequest { state }");
    expect(tested.state).toBe("DELIVERED");
    expect((await mutate(token, "deleteWebhookDefinition", { id: made.id }, "... on WebhookDefinition { id }")).id).toBe(made.id);
    // The organization's are as they were.
    expect(
      (await data(app, admin, "query ($id: ID!) { webhookDefinition(id: $id) { name state } }", { id: ids.ofB })).webhookDefinition,
    ).toEqual({ name: "D", state: "ACTIVE" });
  });

  test("is told of an id that is not its own as of one that nobody has: by NotFoundError, and nothing happens", async () => {
    for (const [name, input] of [
      ["stopWebhookDefinitions", { ids: [ids.ofA, ids.ofB] }],
      ["updateWebhookDefinition", { id: ids.ours, name: "x" }],
      ["updateWebhookDefinition", { id: ids.ofA, applicationId: ids.b }],
      ["createWebhookDefinition", { name: "x", targetUrl: receiver.url, eventTypes: ["a"], applicationId: ids.b }],
      ["skipWebhookRequest", { id: ids.requestB }],
      ["rotateSigningSecret", { id: "whd_none" }],
    ] as const)
      expect(await mutate(token, name, input, "")).toMatchObject({ __typename: "NotFoundError", code: "NOT_FOUND" });
    expect(await data(app, token, `{ webhookDefinition(id: "${ids.ofA}") { state } }`)).toEqual({ webhookDefinition: { state: "ACTIVE" } });
  });

  test("resends its own requests alone", async () => {
    const resend = (id: string) => mutate(token, "resendWebhookRequest", { id, force: true }, "... on WebhookRequest { id }");
    expect((await resend(ids.requestA)).id).toBe(ids.requestA);
    for (const id of [ids.requestB, ids.requestOurs]) {
      expect((await resend(id)).code).toBe("NOT_FOUND");
      expect((await mutate(token, "skipWebhookRequest", { id }, "")).code).toBe("NOT_FOUND");
      expect((await mutate(token, "retryWebhookRequestNow", { id }, "")).code).toBe("NOT_FOUND");
    }
  });

  test("that is read-only sees, and changes nothing", async () => {
    expect(await data(app, viewer, "query ($id: ID!) { webhookDefinition(id: $id) { id } }", { id: ids.ofA })).toEqual({
      webhookDefinition: { id: ids.ofA },
    });
    expect((await mutate(viewer, "updateWebhookDefinition", { id: ids.ofA, name: "x" }, "")).code).toBe("FORBIDDEN");
    expect((await mutate(viewer, "resendWebhookRequest", { id: ids.requestA, force: true }, "")).code).toBe("FORBIDDEN");
  });

  test("sees its own requests live, and no others", async () => {
    const query = "subscription { webhookRequestUpdated { request { id event { payload } webhookDefinition { id } } } }";
    const [mine, everybodys] = [overSocket(app, token, query), overSocket(app, admin, query)];
    try {
      // Both are open once each has seen something.
      const probe = () => mutate(admin, "emitEvent", { type: "order.created", application: "a" }, "");
      for (const deadline = Date.now() + 10_000; (mine.updates.length === 0 || everybodys.updates.length === 0) && Date.now() < deadline; )
        await probe();
      const definitionsOf = ({ updates }: typeof mine) =>
        new Set(updates.map(({ data, errors }) => data?.webhookRequestUpdated.request.webhookDefinition.id ?? errors));
      await mutate(admin, "emitEvent", { type: "order.created", application: "b" }, "");
      // Updates of the probes may still be on their way.
      await expect.poll(() => definitionsOf(everybodys).has(ids.ofB)).toBe(true);
      await probe();
      await mine.take(mine.updates.length + 1);
      expect(definitionsOf(mine)).toEqual(new Set([ids.ofA]));
    } finally {
      mine.close();
      everybodys.close();
    }
  });
});

test("a portal makes as many definitions as its application may have, and leaves the others their quota", async () => {
  const { id } = await mutate(admin, "createApplication", { uid: "many", name: "many" }, "... on Application { id }");
  const applicationId = id.replace(/^app_(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  await app.t.asServer(`INSERT INTO webhook_definition (id, organization_id, number, code, name, dialect, target_url, event_types, application_id)
    SELECT gen_random_uuid(), '${app.t.organizationId}', 100000 + n, 'many_' || n, 'many', 'STANDARD', 'https://shop.example/', '{}', '${applicationId}'
    FROM generate_series(1, 99) n`);
  const token = await enter(id);
  const make = (by: string, more = {}) =>
    mutate(
      by,
      "createWebhookDefinition",
      { name: "one more", targetUrl: "https://shop.example/", eventTypes: ["a.b"], ...more },
      "... on ConflictError { code }",
    );
  const both = await Promise.all([make(token), make(token)]);
  expect(both.map(({ __typename, code: why }: Answer) => why ?? __typename).sort()).toEqual(["CreatedWebhookDefinition", "TOO_MANY"]);
  expect((await make(admin, { applicationId: id })).__typename).toBe("CreatedWebhookDefinition");
});

describe("a definition that was moved", () => {
  test("shows its portal no request of another application's event", async () => {
    const [c, d] = (
      await Promise.all(["c", "d"].map((uid) => mutate(admin, "createApplication", { uid, name: uid }, "... on Application { id }")))
    ).map(({ id }: Answer) => id);
    const moved = await definition(c);
    const emit = (application: string) =>
      mutate(
        admin,
        "emitEvent",
        { type: "order.moved", application, payload: { secretOf: application } },
        "... on Event { requests(first: 9) { edges { node { id webhookDefinition { id } } } } }",
      ).then(
        ({ requests }: Answer) =>
          requests.edges.map(({ node }: Answer) => node).find((node: Answer) => node.webhookDefinition.id === moved).id,
      );
    const before = await emit("c");
    await mutate(admin, "updateWebhookDefinition", { id: moved, applicationId: d }, "... on WebhookDefinition { id }");
    const since = await emit("d");
    const token = await enter(d);
    const LIST = `query ($filter: WebhookRequestFilter) { webhookRequests(first: 50, filter: $filter) { totalCount edges { node { id request event { payload } } } } }`;
    const { webhookRequests } = await data(app, token, LIST, { filter: { webhookDefinitionId: moved } });
    expect(webhookRequests.edges.map(({ node }: Answer) => node.id)).toEqual([since]);
    expect(webhookRequests.totalCount).toBe(1);
    expect(JSON.stringify(webhookRequests)).not.toContain('"secretOf":"c"');
    const one = (id: string) => code(token, "query ($id: ID!) { webhookRequest(id: $id) { request } }", { id });
    expect([await one(before), await one(since)]).toEqual(["null", "ok"]);
    const RESEND = "mutation ($id: ID!) { resendWebhookRequest(input: { id: $id }) { __typename ... on Error { code } } }";
    expect(await code(token, RESEND, { id: before })).toBe("NOT_FOUND");
    await expect.poll(() => code(token, RESEND, { id: since }), { timeout: 10_000 }).toBe("NOT_REJECTED");
    // What was there before goes on as another's: it is not told of, and fails nobody's stream.
    const live = overSocket(app, token, "subscription { webhookRequestUpdated { request { id } } }");
    try {
      for (const deadline = Date.now() + 10_000; live.updates.length === 0 && Date.now() < deadline; ) await emit("d");
      await mutate(admin, "resendWebhookRequest", { id: before, force: true }, "");
      const last = await emit("d");
      const told = () => live.updates.map(({ data: it, errors }: Answer) => it?.webhookRequestUpdated.request.id ?? errors);
      await expect.poll(told, { timeout: 10_000 }).toContain(last);
      expect(told()).not.toContain(before);
      expect(live.updates.every(({ errors }: Answer) => errors === undefined)).toBe(true);
    } finally {
      live.close();
    }
    await mutate(admin, "deleteWebhookDefinition", { id: moved }, "... on WebhookDefinition { id }");
  });
});
