/**
 * Every query, mutation, subscription and node type against every kind of caller, generated from the schema. A new field
 * has no row here, and fails until somebody says what it needs.
 */
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLObjectType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from "graphql";
import { afterAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import { SCOPES, type Scope } from "../../src/accounts/caller.ts";
import { issueToken, revokeApiToken } from "../../src/accounts/tokens.ts";
import { schema } from "../../src/api/graphql/schema.ts";
import { createApplication } from "../../src/applications/applications.ts";
import { createPortalLink, redeemPortalLink } from "../../src/applications/portal.ts";
import { newId } from "../../src/clock.ts";
import { globalId, type NodeType } from "../../src/wire/ids.ts";
import { testApp } from "../helpers/app.ts";
import { data } from "../helpers/graphql.ts";

/** A scope; or being signed in; or nothing (signIn); or the operator's token. */
type Need = Scope | "signed in" | "nothing" | "operator";

const rows = (need: Need, names: string): [string, Need][] => names.split(/\s+/).map((name) => [name, need]);

const NEEDS: Record<"Query" | "Mutation" | "Subscription", Record<string, Need>> = {
  Query: Object.fromEntries([
    ...rows("signed in", "viewer organization node nodes"),
    ...rows("admin", "users apiTokens auditEntries inboundWebhooks organizationErasure sessions"),
    ...rows("goals:read", "goal goals"),
    ...rows("webhooks:write", "filterPreview"),
    ...rows(
      "webhooks:read",
      "application applications blockedLanes connections deliveryStatistics rejectedRequests event eventTypes events lanes liveCursor scripts secretKeys webhookDefinition webhookDefinitions webhookRequest webhookRequests webServices workflowRules",
    ),
  ]),
  Mutation: Object.fromEntries([
    ...rows("nothing", "signIn"),
    ...rows("signed in", "signOut"),
    ...rows("webhooks:read", "dryRunTransformation planReplay"),
    ...rows("webhooks:write", "createApplication updateApplication deleteApplication createPortalLink"),
    ...rows("webhooks:write", "createReplay cancelReplay pauseAllDeliveries resumeAllDeliveries"),
    ...rows("operator", "createOrganization setOrganizationFeature setOrganizationQuotas deleteOrganization"),
    ...rows("admin", "updateOrganization testAlert createUser updateUser deleteUser createApiToken revokeApiToken erasePayloads"),
    // Through an API token; whoever signed in may, whatever their role (test/api/sessions.test.ts).
    ...rows("admin", "changePassword revokeSession"),
    ...rows("admin", "createInboundWebhook updateInboundWebhook deleteInboundWebhook rotateInboundWebhookKey dryRunInboundWebhook"),
    ...rows("events:write", "emitEvent emitEvents"),
    ...rows("goals:write", "createGoal updateGoal deleteGoal recordGoalValue deleteGoalValue"),
    ...rows(
      "webhooks:write",
      "createWebhookDefinition updateWebhookDefinition deleteWebhookDefinition activateWebhookDefinitions stopWebhookDefinitions testWebhookDefinition rotateSigningSecret",
    ),
    ...rows(
      "webhooks:write",
      "createConnection updateConnection deleteConnection createEventType updateEventType deleteEventType importEventTypes",
    ),
    ...rows("webhooks:write", "createWebService setWebServiceTarget deleteWebService"),
    ...rows("webhooks:write", "createScript updateScript deleteScript createSecretKey deleteSecretKey"),
    ...rows("webhooks:write", "createWorkflowRule updateWorkflowRule deleteWorkflowRule pauseLane resumeLane"),
    ...rows(
      "webhooks:write",
      "cancelWebhookRequest deleteWebhookRequest resendWebhookRequest resendWebhookRequests retryWebhookRequestNow skipWebhookRequest",
    ),
  ]),
  Subscription: Object.fromEntries([
    ...rows("webhooks:read", "webhookRequestUpdated webhookDefinitionUpdated replayUpdated"),
    ...rows("goals:read", "goalValueRecorded"),
  ]),
};

const NODES: Record<string, Need> = Object.fromEntries([
  ...rows("signed in", "Organization"),
  ...rows("admin", "User ApiToken AuditEntry InboundWebhook Erasure"),
  ...rows("goals:read", "Goal GoalValue"),
  ...rows(
    "webhooks:read",
    "Application Attempt Connection Event EventType Lane Replay Script SecretKey WebhookDefinition WebhookRequest WebService WorkflowRule",
  ),
]);

/** What a portal's session may ask for; it is refused every other field, also those to come. */
const PORTAL: Record<"Query" | "Mutation" | "Subscription", ReadonlySet<string>> = {
  Query: new Set(
    "application event eventTypes lanes liveCursor node nodes viewer webhookDefinition webhookDefinitions webhookRequest webhookRequests".split(
      " ",
    ),
  ),
  Mutation: new Set(
    "createWebhookDefinition updateWebhookDefinition deleteWebhookDefinition activateWebhookDefinitions stopWebhookDefinitions testWebhookDefinition rotateSigningSecret retryWebhookRequestNow skipWebhookRequest resendWebhookRequest signOut".split(
      " ",
    ),
  ),
  Subscription: new Set(["webhookRequestUpdated", "webhookDefinitionUpdated"]),
};

/** The mutations that a viewer may call, beside signIn. */
const HARMLESS = new Set(["signOut", "dryRunTransformation"]);

const app = await testApp();
afterAll(app.close);

async function revoked(): Promise<string> {
  const token = await app.token();
  const { rows: last } = await app.t.core.db.pool.query("SELECT id FROM api_token ORDER BY created_at DESC LIMIT 1");
  await revokeApiToken(app.t.core, app.t.admin, last[0].id);
  return token;
}

const strangers = { none: undefined, expired: await app.token({ expiresAt: new Date(Date.now() - 1_000) }), revoked: await revoked() };
const viewer = await app.token({ role: "VIEWER" });
const customer = await createApplication(app.t.core, app.t.admin, { uid: "acme", name: "Acme" });
async function enterPortal(readOnly: boolean): Promise<string> {
  const input = { applicationId: customer.id, expiresInSeconds: 3600, readOnly };
  const { token } = await createPortalLink(app.t.core, app.t.admin, input);
  return ((await redeemPortalLink(app.t.core, token)) as { token: string }).token;
}
/** One for each field: signOut ends its own. */
const portals = { portal: () => enterPortal(false), readOnly: () => enterPortal(true) };
const nothing = await app.token({ scopes: [] });
const everything = await app.token();
const only = {} as Record<Scope, string>;
const without = {} as Record<Scope, string>;
for (const scope of SCOPES) {
  only[scope] = await app.token({ scopes: [scope] });
  without[scope] = await app.token({ scopes: SCOPES.filter((other) => other !== scope) });
}

const SCALARS: Record<string, unknown> = {
  ID: "x",
  String: "x",
  Int: 1,
  Float: 1,
  Boolean: true,
  DateTime: "2026-01-01T00:00:00Z",
  Date: "2026-01-01",
  Decimal: "1",
  JSON: {},
};

function placeholder(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return placeholder(type.ofType);
  if (isListType(type)) return [placeholder(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) return required(Object.values(type.getFields()));
  return SCALARS[type.name];
}

function required(fields: readonly (GraphQLArgument | GraphQLInputField)[]): Record<string, unknown> {
  const needed = fields.filter((field) => isNonNullType(field.type) && field.defaultValue === undefined);
  return Object.fromEntries(needed.map((field) => [field.name, placeholder(field.type)]));
}

function operationOf(kind: string, field: GraphQLField<unknown, unknown>): { query: string; variables: Record<string, unknown> } {
  const variables = required(field.args);
  const used = field.args.filter((arg) => arg.name in variables);
  const head = used.length > 0 ? `(${used.map((arg) => `$${arg.name}: ${arg.type}`).join(", ")})` : "";
  const args = used.length > 0 ? `(${used.map((arg) => `${arg.name}: $${arg.name}`).join(", ")})` : "";
  const type = getNamedType(field.type);
  const selection = isLeafType(type) ? "" : isUnionType(type) ? "{ __typename ... on Error { code } }" : "{ __typename }";
  return { query: `${kind.toLowerCase()} ${head} { ${field.name}${args} ${selection} }`, variables };
}

interface Result {
  data?: Record<string, { code?: string } | null> | null;
  errors?: { extensions?: { code?: string } }[];
}

/** The code of the first error, wherever it stands; "ok" without one. */
async function outcome(
  kind: string,
  operation: { query: string; variables: Record<string, unknown> },
  token: string | undefined,
): Promise<string> {
  const live = kind === "Subscription";
  const ended = new AbortController();
  const response = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: live ? "text/event-stream" : "application/json",
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify(operation),
    signal: ended.signal,
  });
  if (!live || response.status !== 200) return codeOf((await response.json()) as Result);
  // A refusal is the first event, and the stream ends; a stream that is open is an answer too.
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const data = /^data: (\{.*\})$/m.exec(text)?.[1];
    if (data) return codeOf(JSON.parse(data) as Result);
    // Only a stream that goes on has a place to come back to.
    if (/^id: /m.test(text) || text.split(":\n\n").length > 2) break;
  }
  return "ok";
}

function codeOf({ data, errors }: Result): string {
  return errors?.[0]?.extensions?.code ?? Object.values(data ?? {})[0]?.code ?? "ok";
}

for (const kind of ["Query", "Mutation", "Subscription"] as const) {
  const fields = (schema.getType(kind) as GraphQLObjectType).getFields();
  const needs = NEEDS[kind];

  test(`every field of ${kind} has a row, and every row a field`, () => {
    expect(Object.keys(needs).sort()).toEqual(Object.keys(fields).sort());
  });

  describe.each(Object.values(fields).map((field) => [field.name, field] as const))(`${kind}.%s`, (name, field) => {
    const need = needs[name] as Need;
    const operation = operationOf(kind, field);

    const scope = SCOPES.find((each) => each === need);

    test("who may not, and who may", async () => {
      if (need === "nothing") {
        for (const token of Object.values(strangers)) expect(await outcome(kind, operation, token)).not.toBe("FORBIDDEN");
        return;
      }
      for (const token of Object.values(strangers)) expect(await outcome(kind, operation, token)).toBe("UNAUTHENTICATED");
      if (need === "operator") expect(await outcome(kind, operation, everything)).toBe("FORBIDDEN");
      if (need === "signed in") expect(await outcome(kind, operation, nothing)).not.toBe("FORBIDDEN");
      if (scope) {
        expect(await outcome(kind, operation, without[scope])).toBe("FORBIDDEN");
        expect(["FORBIDDEN", "UNAUTHENTICATED"]).not.toContain(await outcome(kind, operation, only[scope]));
      }
      if (kind === "Mutation" && !HARMLESS.has(name)) expect(await outcome(kind, operation, viewer)).toBe("FORBIDDEN");
      if (HARMLESS.has(name)) expect(await outcome(kind, operation, viewer)).not.toBe("FORBIDDEN");
    });

    test("a portal's session", async () => {
      const listed = PORTAL[kind].has(name);
      const asked = await outcome(kind, operation, await portals.portal());
      if (!listed) expect(asked).toBe("FORBIDDEN");
      else expect(asked).not.toBe("FORBIDDEN");
      const looked = await outcome(kind, operation, await portals.readOnly());
      if (!listed) expect(looked).toBe("FORBIDDEN");
      else if (kind === "Mutation" && name !== "signOut") expect(["FORBIDDEN", "NOT_FOUND"]).toContain(looked);
      else expect(looked).not.toBe("FORBIDDEN");
    });
  });
}

/**
 * Sockets that were opened as an administrator, one for each field; then the administrator is made a viewer, and each field is
 * asked on its socket: none is answered, and every socket ends.
 */
describe.each(["Query", "Mutation", "Subscription"] as const)("B54 opened as admin, now viewer: %s", (kind) => {
  test("no field is answered by the rights of before", { timeout: 60_000 }, async () => {
    const { userId, organizationId } = await app.t.caller("ADMIN");
    const { token } = await issueToken(app.t.core, { organizationId, userId: userId as string, name: "was admin", role: "ADMIN" });
    const fields = Object.values((schema.getType(kind) as GraphQLObjectType).getFields());
    const sockets = await Promise.all(fields.map(async (field) => ({ field, ...(await openSocket(token)) })));
    await app.t.core.db.pool.query("UPDATE users SET role = 'VIEWER' WHERE id = $1", [userId]);
    for (const { field, send } of sockets) send({ type: "subscribe", id: field.name, payload: operationOf(kind, field) });
    const late = new Promise<number>((resolve) => setTimeout(resolve, 2_000, 0));
    const outcomes = await Promise.all(
      sockets.map(async ({ field, closed, messages }) => [
        field.name,
        await Promise.race([closed, late]),
        messages.filter((each) => each === "next").length,
      ]),
    );
    expect(outcomes).toEqual(fields.map((field) => [field.name, 4403, 0]));
  });
});

/** Acknowledged. */
async function openSocket(token: string) {
  const ws = new WebSocket(`${app.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
  const messages: string[] = [];
  const closed = new Promise<number>((resolve) => ws.once("close", resolve));
  const send = (message: unknown) => ws.readyState === ws.OPEN && ws.send(JSON.stringify(message));
  await new Promise<void>((resolve, reject) => {
    ws.once("error", reject);
    ws.once("open", () => send({ type: "connection_init", payload: { authorization: `Bearer ${token}` } }));
    ws.on("message", (data) => {
      const { type } = JSON.parse(String(data)) as { type: string };
      if (type === "connection_ack") resolve();
      else messages.push(type);
    });
  });
  return { send, messages, closed };
}

describe("node types", () => {
  const implementing = Object.values(schema.getTypeMap()).filter(
    (type) => isObjectType(type) && type.getInterfaces().some((each) => each.name === "Node"),
  );

  test("each has a row", () => expect(Object.keys(NODES).sort()).toEqual(implementing.map((type) => type.name).sort()));

  test.each(Object.entries(NODES))("%s needs %s", async (type, need) => {
    const operation = {
      query: "query ($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }",
      variables: { id: globalId(type as NodeType, newId()) },
    };
    const allowed = need === "signed in" ? nothing : only[need as Scope];
    expect(await outcome("Query", operation, allowed)).toBe("ok");
    if (need !== "signed in") expect(await outcome("Query", operation, without[need as Scope])).toBe("FORBIDDEN");
    // An id of nobody's: of a type that a portal knows or not, it finds nothing.
    expect(await data(app, await portals.portal(), operation.query, operation.variables)).toEqual({ node: null, nodes: [null] });
  });
});
