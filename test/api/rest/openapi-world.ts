/** What an operation of /openapi.json needs to be there before it can be carried out, and the tokens of whoever calls. */

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createSession } from "../../../src/accounts/sessions.ts";
import { createUser } from "../../../src/accounts/users.ts";
import { createApplication } from "../../../src/applications/applications.ts";
import { createPortalLink } from "../../../src/applications/portal.ts";
import { createConnection } from "../../../src/definitions/connections.ts";
import { createDefinition } from "../../../src/definitions/definitions.ts";
import { createRule } from "../../../src/definitions/rules.ts";
import { createWebService, setTarget } from "../../../src/definitions/web-services.ts";
import { createGoal } from "../../../src/goals/goals.ts";
import { createInboundSource } from "../../../src/goals/inbound-sources.ts";
import { createInboundWebhook } from "../../../src/goals/inbound-webhooks.ts";
import { globalId, objectId } from "../../../src/wire/ids.ts";
import type { TestApp } from "../../helpers/app.ts";

const CLOSED = "http://127.0.0.1:9";

export interface World {
  /** Of the server's own pages. */
  origin: string;
  /** By the name of a path parameter, and the path where that says nothing. */
  pathValue(path: string, name: string): string;
  /** By the name of a query parameter. */
  query(operationId: string): Record<string, string>;
  /** An example with its ids and names replaced by ones that are there, or free. */
  body(operationId: string, example: unknown): unknown;
  /** The header Authorization that the operation's first security scheme wants. */
  authorization(scheme: string): string | undefined;
}

interface CrmcomIds {
  request: string;
  definition: string;
  rule: string;
}

async function crmcomRequest(app: TestApp, unique: string): Promise<CrmcomIds> {
  const { core, admin } = app.t;
  const made = { name: `crm-${unique}`, code: `crm_${unique}`, dialect: "CRMCOM", targetUrl: `${CLOSED}/crm`, eventTypes: [] } as const;
  const { definition } = await createDefinition(core, admin, made, app.doors);
  const rule = { name: `rule-${unique}`, code: `rule_${unique}`, entity: "ACTIVITIES", webhookDefinitionIds: [definition.id] };
  await createRule(core, admin, rule);
  const event = {
    type: "activity.updated",
    entity: "ACTIVITIES",
    entityId: "1",
    payload: "{}",
    previous: null,
    changes: [],
    scope: null,
    actor: null,
  };
  await app.doors.ingest.emit(admin.organizationId, [event]);
  for (;;) {
    const { rows } = await core.db.pool.query<{ number: number; state: string }>(
      "SELECT number, state FROM webhook_request WHERE organization_id = $1 AND definition_id = $2",
      [admin.organizationId, definition.id],
    );
    if (rows[0]?.state === "REJECTED") return { request: String(rows[0].number), definition: `crm_${unique}`, rule: `rule_${unique}` };
    await sleep(20);
  }
}

async function notification(app: TestApp, unique: string): Promise<{ service: string; key: string }> {
  const { core, admin } = app.t;
  const { organizationId } = admin;
  const service = `ws-${unique}`;
  const connection = await createConnection(core, admin, { name: "target", urlAdded: `${CLOSED}/added` });
  await createWebService(core, admin, { id: service, form: unique, project: "p", password: "secret" });
  const { definitionId } = await setTarget(core, admin, service, { connectionId: connection.id, events: ["added"] }, app.doors);
  const scope = { form: unique, project: "p" };
  const event = { type: "record.created", entity: "record", entityId: "1", payload: "{}", previous: null, changes: [], scope, actor: null };
  await app.doors.ingest.emit(organizationId, [event]);
  const { rows } = await core.db.pool.query<{ id: string }>(
    "SELECT id FROM webhook_request WHERE organization_id = $1 AND definition_id = $2",
    [organizationId, definitionId],
  );
  return { service, key: globalId("WebhookRequest", rows[0]?.id as string) };
}

/** Everything that some operation asks for, made anew: operations delete things. */
export async function makeWorld(app: TestApp): Promise<World> {
  const { core, admin, organizationId } = app.t;
  const unique = randomBytes(6).toString("hex");
  const goal = await createGoal(core, admin, { name: "Revenue", direction: "MAXIMIZE" });
  const { inboundWebhook, key } = await createInboundWebhook(core, admin, { goalId: goal.id });
  const source = await createInboundSource(core, admin, { eventType: "posted" }, app.doors);
  const free = await createConnection(core, admin, { name: "free", urlAdded: `${CLOSED}/a` });
  const cot = {
    name: "Users",
    dialect: "COTALKER",
    targetUrl: CLOSED,
    eventTypes: ["user.created", "user.updated", "user.deleted"],
  } as const;
  const { definition: cotalker } = await createDefinition(core, admin, cot, app.doors);
  const so = {
    name: `so-${unique}`,
    dialect: "SUPEROFFICE",
    targetUrl: CLOSED,
    eventTypes: ["contact.created"],
    state: "STOPPED",
  } as const;
  const { definition: superoffice } = await createDefinition(core, admin, so, app.doors);
  const [crm, { service, key: notificationKey }] = [await crmcomRequest(app, unique), await notification(app, unique)];
  const login = {
    email: `u-${unique}@acme.example`,
    username: `u-${unique}`,
    name: "Ann",
    password: "correct horse",
    role: "ADMIN",
  } as const;
  const user = await createUser(core, admin, login);
  const session = (kind: "CRMCOM" | "SIGN_IN_LINK") => createSession(core, { organizationId, kind, userId: user.id, ttlSeconds: 600 });
  const [crmToken, link] = [(await session("CRMCOM")).token, (await session("SIGN_IN_LINK")).token];
  const application = await createApplication(core, admin, { uid: unique, name: "Acme" });
  const portal = await createPortalLink(core, admin, { applicationId: application.id, expiresInSeconds: 600, readOnly: false });
  const organization = await core.db.unscoped.organization.findUniqueOrThrow({ where: { id: organizationId } });

  const identifiers: Record<string, string> = {
    webhook_request_identifier: `number=${crm.request}`,
    webhook_definition_identifier: `alternative_code=${crm.definition}`,
    workflow_rule_identifier: `alternative_code=${crm.rule}`,
  };
  const replaced: Record<string, unknown> = {
    goalId: globalId("Goal", goal.id),
    connectionId: globalId("Connection", free.id),
    email: login.email,
    username: login.username,
    password: login.password,
    organisation: organization.name,
    alternative_code: `new_${unique}`,
    webhook_request_identifier: { number: crm.request },
    webhook_definition_identifier: { alternative_code: crm.definition },
    workflow_rule_identifier: { alternative_code: crm.rule },
    actions_set: [{ code: "TRIGGER WEBHOOKS", webhook_definitions: [{ alternative_code: crm.definition }] }],
    WebhookId: superoffice.number,
    webhookId: superoffice.number,
  };
  const special: Record<string, Record<string, unknown>> = {
    signInByLink: { token: link },
    signInToPortal: { token: portal.token },
    signInByToken: { token: app.adminToken },
    doformsCreateWebService: { id: `new-${unique}`, password: "secret" },
    doformsSignIn: { id: service, password: "secret" },
    superofficeRpcSaveWebhook: { WebhookId: 0 },
    crmcomWebhookDefinitionsCreate: { name: `new-${unique}` },
  };
  return {
    origin: app.url,
    pathValue(path, name) {
      if (path.startsWith("/inbound/events/")) return name === "key" ? source.key : globalId("InboundWebhook", source.inboundWebhook.id);
      if (path.startsWith("/inbound/")) return name === "key" ? key : globalId("Goal", goal.id);
      if (path.startsWith("/api/inbound-webhooks")) return globalId("InboundWebhook", inboundWebhook.id);
      if (path.startsWith("/api/v2/connections")) return globalId("Connection", free.id);
      if (path.startsWith("/api/v2/webservices")) return service;
      if (path.startsWith("/api/v2/notifications")) return notificationKey;
      if (path.startsWith("/api/v3/")) return objectId(cotalker.id);
      if (path.endsWith("/{primaryKey}")) return name === "id" ? "sale.sold" : "7";
      return String(superoffice.number);
    },
    query(operationId) {
      if (["queryGraphql", "queryPortal"].includes(operationId)) return { query: "{ viewer { role } }" };
      if (!operationId.startsWith("crmcom")) return {};
      const noun = /^crmcom(WebhookRequests|WebhookDefinitions|WorkflowRules)(Show|List)$/.exec(operationId);
      if (!noun) return {};
      const name = { WebhookRequests: "webhook_request", WebhookDefinitions: "webhook_definition", WorkflowRules: "workflow_rule" }[
        noun[1] as "WorkflowRules"
      ];
      const identifier = `${name}_identifier`;
      return { token: crmToken, ...(noun[2] === "Show" ? { [identifier]: identifiers[identifier] as string } : { entity: "ACTIVITIES" }) };
    },
    body(operationId, example) {
      if (typeof example !== "object" || example === null || Array.isArray(example)) return example;
      const token = operationId.startsWith("crmcom") && "token" in example ? { token: crmToken } : {};
      const known = Object.entries(replaced).filter(([name]) => name in example);
      return { ...example, ...Object.fromEntries(known), ...token, ...special[operationId] };
    },
    authorization(scheme) {
      if (scheme === "token") return `Bearer ${app.adminToken}`;
      if (scheme === "webService") return `Bearer ${service}:secret`;
      if (scheme === "basic") return `Basic ${Buffer.from(`${app.adminToken}:`).toString("base64")}`;
      return undefined;
    },
  };
}
