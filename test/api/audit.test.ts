/** B58: what somebody can be asked about stands in the audit log: every mutation, asked for real, or the reason why not. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audit } from "../../src/accounts/audit.ts";
import { EXPORT_PAGE } from "../../src/accounts/audit-log.ts";
import { schema } from "../../src/api/graphql/schema.ts";
import { hashToken } from "../../src/vault.ts";
import { globalId } from "../../src/wire/ids.ts";
import { type TestApp, testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";
import { addDefinition, addRequest } from "../helpers/log.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

/** Mutations that leave no entry of their own. A new one stands here with its reason, or in the story below. */
const WITHOUT: Record<string, string> = {
  emitEvent: "the event itself is the record, with its actor and the number of whoever called",
  emitEvents: "as emitEvent",
  dryRunTransformation: "changes nothing",
  dryRunInboundWebhook: "changes nothing",
  planReplay: "writes nothing",
};

let app: TestApp;
let receiver: Receiver;
let operator: string;
beforeAll(async () => {
  app = await testApp();
  receiver = await startReceiver();
  operator = await app.token();
  await app.t.core.db.pool.query("UPDATE api_token SET operator = true WHERE hash = $1", [hashToken(operator)]);
});
afterAll(async () => {
  await app?.close();
  await receiver?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: whatever a mutation answered
type Answer = any;

const entries = async (): Promise<number> =>
  Number((await app.t.core.db.pool.query("SELECT count(*)::int AS n FROM audit_entry")).rows[0].n);

const told = new Map<string, number>();

async function mutate(name: string, input: object, fields = "__typename", token = operator): Promise<Answer> {
  const before = await entries();
  const type = name === "createReplay" ? "ReplayInput" : `${name[0]?.toUpperCase()}${name.slice(1)}Input`;
  const answered = await data(
    app,
    token,
    `mutation ($input: ${type}!) { it: ${name}(input: $input) { __typename ${fields} ... on Error { code message } } }`,
    { input },
  );
  const { it } = answered as Answer;
  expect(/Error$/.test(it.__typename), `${name}: ${JSON.stringify(it)}`).toBe(false);
  told.set(name, (await entries()) - before);
  return it;
}

const request = async (state: "WAITING" | "REJECTED" | "PENDING") => {
  const definition = await addDefinition(app.t.core, app.t.organizationId);
  const { id, laneId } = await addRequest(app.t.core, app.t.organizationId, definition, { state });
  return { id: globalId("WebhookRequest", id), lane: globalId("Lane", laneId) };
};

test("B58 every mutation writes an entry, or has a reason why not", async () => {
  const made = (type: string) => `... on ${type} { id }`;
  const { definition } = await mutate(
    "createWebhookDefinition",
    { name: "D", targetUrl: receiver.url, eventTypes: ["a.b"] },
    "... on CreatedWebhookDefinition { definition { id } }",
  );
  const { id } = definition;
  await mutate("updateWebhookDefinition", { id, description: "d" });
  await mutate("rotateSigningSecret", { id });
  await mutate("testWebhookDefinition", { id });
  await mutate("stopWebhookDefinitions", { ids: [id] });
  await mutate("activateWebhookDefinitions", { ids: [id] });

  const customer = await mutate("createApplication", { uid: "acme", name: "Acme" }, made("Application"));
  await mutate("updateApplication", { id: customer.id, name: "Acme Ltd" });
  await mutate("createPortalLink", { applicationId: customer.id });
  await mutate("deleteApplication", { id: customer.id, cancelQueued: true });
  const connection = await mutate("createConnection", { name: "C", urlAdded: receiver.url }, made("Connection"));
  await mutate("updateConnection", { id: connection.id, name: "C2" });
  await mutate("deleteConnection", { id: connection.id });
  const script = await mutate("createScript", { name: "S", source: "1" }, made("Script"));
  await mutate("updateScript", { id: script.id, source: "2" });
  await mutate("deleteScript", { id: script.id });
  const key = await mutate("createSecretKey", { name: "K", secret: "0123456789" }, made("SecretKey"));
  await mutate("deleteSecretKey", { id: key.id });
  const rule = { name: "R", code: "r", entity: "order", webhookDefinitionIds: [id] };
  const made1 = await mutate("createWorkflowRule", rule, made("WorkflowRule"));
  await mutate("updateWorkflowRule", { id: made1.id, name: "R2" });
  await mutate("deleteWorkflowRule", { id: made1.id });
  await mutate("importEventTypes", { document: { openapi: "3.1.0", webhooks: { "im.ported": {} } } });
  const type = await mutate("createEventType", { name: "a.b" }, made("EventType"));
  await mutate("updateEventType", { id: type.id, description: "d" });
  await mutate("deleteEventType", { id: type.id });
  const shared = await mutate("createConnection", { name: "W", urlAdded: receiver.url }, made("Connection"));
  const service = await mutate(
    "createWebService",
    { externalId: "erp", form: "f", project: "p", password: "CANARY-password" },
    made("WebService"),
  );
  await mutate("setWebServiceTarget", { id: service.id, connectionId: shared.id, events: ["added"] });
  await mutate("deleteWebService", { id: service.id });

  const waiting = await request("WAITING");
  await mutate("pauseLane", { id: waiting.lane });
  await mutate("resumeLane", { id: waiting.lane });
  await mutate("retryWebhookRequestNow", { id: waiting.id });
  await mutate("skipWebhookRequest", { id: (await request("WAITING")).id });
  await mutate("cancelWebhookRequest", { id: (await request("PENDING")).id });
  const rejected = await request("REJECTED");
  await mutate("resendWebhookRequest", { id: rejected.id });
  await mutate("deleteWebhookRequest", { id: (await request("REJECTED")).id });
  const since = new Date(Date.now() - 60_000).toISOString();
  for (let i = 0; i < 5; i++) await request("REJECTED");
  const replay = await mutate("createReplay", { kind: "REJECTED", since, ratePerSecond: 1 }, made("Replay"));
  await mutate("cancelReplay", { id: replay.id });
  await mutate("pauseAllDeliveries", { reason: "maintenance" });
  await mutate("resumeAllDeliveries", {});
  await mutate("erasePayloads", { filter: {} });
  await mutate("deleteWebhookDefinition", { id });

  const goal = await mutate("createGoal", { name: "G", direction: "MAXIMIZE" }, made("Goal"));
  await mutate("updateGoal", { id: goal.id, name: "G2" });
  const value = await mutate("recordGoalValue", { goalId: goal.id, date: "2026-01-01", value: "1" }, made("GoalValue"));
  await mutate("deleteGoalValue", { id: value.id });
  const inbound = await mutate("createInboundWebhook", { goalId: goal.id }, "... on CreatedInboundWebhook { inboundWebhook { id } }");
  await mutate("updateInboundWebhook", { id: inbound.inboundWebhook.id, name: "I" });
  await mutate("rotateInboundWebhookKey", { id: inbound.inboundWebhook.id });
  await mutate("deleteInboundWebhook", { id: inbound.inboundWebhook.id });
  await mutate("deleteGoal", { id: goal.id });

  await mutate("updateOrganization", { name: "First", retentionDays: 30 });
  await mutate("testAlert", {});
  const user = await mutate(
    "createUser",
    { email: "ann@example.test", name: "Ann", password: "CANARY-password", role: "MEMBER" },
    made("User"),
  );
  await mutate("updateUser", { id: user.id, name: "Anna" });
  const token = await mutate("createApiToken", { name: "T" }, "... on CreatedApiToken { apiToken { id } token }");
  await mutate("revokeApiToken", { id: token.apiToken.id });
  const session = await mutate("signIn", { email: "ann@example.test", password: "CANARY-password" }, "... on SignedIn { token }");
  await mutate("signIn", { email: "ann@example.test", password: "CANARY-password" }, "... on SignedIn { token }");
  const { sessions } = (await data(app, session.token, "{ sessions(first: 10) { edges { node { id current } } } }")) as Answer;
  const another = sessions.edges.find(({ node }: Answer) => !node.current);
  await mutate("revokeSession", { id: another.node.id }, "__typename", session.token);
  const passwords = { currentPassword: "CANARY-password", newPassword: "CANARY-another one" };
  await mutate("changePassword", passwords, "__typename", session.token);
  await mutate("signOut", {}, "", session.token);
  await mutate("deleteUser", { id: user.id });
  const other = await mutate("createOrganization", { name: "Other" }, "... on CreatedOrganization { organization { id } }");
  await mutate("setOrganizationFeature", { organizationId: other.organization.id, feature: "INBOUND_WEBHOOKS", enabled: true });
  await mutate("setOrganizationQuotas", { organizationId: other.organization.id, definitions: 5 });
  await mutate("deleteOrganization", { id: other.organization.id, name: "Other" });

  const all = Object.keys(schema.getMutationType()?.getFields() ?? {});
  const silent = all.filter((name) => !(told.get(name) ?? 0) && WITHOUT[name] === undefined);
  expect(silent.filter((name) => !ELSEWHERE.has(name))).toEqual([]);
  expect(Object.keys(WITHOUT).filter((name) => !all.includes(name) || told.has(name))).toEqual([]);
  const { rows } = await app.t.core.db.pool.query("SELECT coalesce(string_agg(t::text, ''), '') AS text FROM audit_entry t");
  expect(rows[0].text).not.toContain("CANARY");
});

/** Asked for in other files, which look for the entry: test/requests/replay.test.ts, test/accounts. */
const ELSEWHERE = new Set(["resendWebhookRequests", "signIn"]);

describe("B58 the audit log is read", () => {
  const AUDIT = `query ($filter: AuditFilter) { auditEntries(first: 100, filter: $filter) { totalCount edges { node { action subjectId userId actor createdAt } } } }`;
  const list = async (filter: object): Promise<Answer[]> =>
    ((await data(app, app.adminToken, AUDIT, { filter })) as Answer).auditEntries.edges.map(({ node }: Answer) => node);

  test("by action, family, subject, user and time", async () => {
    const id = globalId("Goal", "0190a1b2-0000-7000-8000-000000000001");
    for (const action of ["probe.one", "probe.two"])
      await audit(app.t.core, app.t.admin, action, { type: "Goal", id: "0190a1b2-0000-7000-8000-000000000001" }, null, { action });
    expect((await list({ action: "probe.one" })).map((node) => node.action)).toEqual(["probe.one"]);
    expect((await list({ action: "probe.*" })).map((node) => node.action)).toEqual(["probe.two", "probe.one"]);
    expect((await list({ subjectId: id })).map((node) => node.subjectId)).toEqual([id, id]);
    const by = globalId("User", app.t.admin.userId as string);
    expect((await list({ userId: by, action: "probe.*" })).map((node) => node.userId)).toEqual([by, by]);
    expect(await list({ action: "probe.*", until: "2020-01-01T00:00:00Z" })).toEqual([]);
    expect(await list({ action: "probe.*", since: "2020-01-01T00:00:00Z" })).toHaveLength(2);
    expect(await list({ userId: globalId("User", "0190a1b2-0000-7000-8000-000000000001") })).toEqual([]);
  });

  test("as NDJSON, oldest first, on from a cursor; for the scope admin alone", async () => {
    const read = (path: string, token: string) => fetch(`${app.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    for (let i = 0; i <= EXPORT_PAGE; i++) await audit(app.t.core, app.t.admin, "probe.many", undefined, null, { i });
    const answer = await read("/v1/audit", app.adminToken);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-ndjson; charset=utf-8"]);
    const lines = (await answer.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const many = lines.filter((line) => line.action === "probe.many");
    expect(many.map((line) => line.after.i)).toEqual(Array.from({ length: EXPORT_PAGE + 1 }, (_, i) => i));
    expect(many[0]).toMatchObject({ id: expect.stringMatching(/^aud_/), userId: expect.stringMatching(/^usr_/), address: "127.0.0.1" });
    const rest = await (await read(`/v1/audit?after=${many[10].cursor}`, app.adminToken)).text();
    expect(JSON.parse(rest.slice(0, rest.indexOf("\n"))).after.i).toBe(11);
    expect(await (await read(`/v1/audit?after=${lines.at(-1).cursor}`, app.adminToken)).text()).toBe("");
    expect((await read("/v1/audit?after=x", app.adminToken)).status).toBe(400);
    expect((await read("/v1/audit", await app.token({ scopes: ["webhooks:read"] }))).status).toBe(403);
    expect((await read("/v1/audit", "nobody")).status).toBe(401);
    const foreign = await app.t.organization();
    expect(await (await read("/v1/audit", await app.token({ organizationId: foreign.id }))).text()).toBe("");
  });
});
