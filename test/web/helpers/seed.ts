/** A small company's worth of webhooks, deliveries and goals, by the public API alone. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Receiver } from "../../helpers/receiver.ts";
import type { Installation } from "./installation.ts";

const CREATE = `mutation ($input: CreateWebhookDefinitionInput!) { createWebhookDefinition(input: $input) {
  __typename ... on CreatedWebhookDefinition { signingSecret definition { id name } } ... on Error { code message } } }`;

export async function createDefinition(installation: Installation, input: object): Promise<{ id: string; name: string }> {
  const { createWebhookDefinition: result } = await installation.graphql(CREATE, { input });
  if (!result.definition) throw new Error(JSON.stringify(result));
  return result.definition;
}

/** Runs a mutation that has one input; returns its result, throws its typed error. */
// biome-ignore lint/suspicious/noExplicitAny: what comes back is what was selected
export async function mutate(installation: Installation, name: string, input: object, selection: string): Promise<any> {
  const title = name.slice(0, 1).toUpperCase() + name.slice(1);
  const data = await installation.graphql(
    `mutation ($input: ${title}Input!) { ${name}(input: $input) { __typename ${selection} ... on Error { code message } } }`,
    { input },
  );
  const result = data[name];
  if (result.__typename.endsWith("Error")) throw new Error(`${name}: ${JSON.stringify(result)}`);
  return result;
}

export const order = (n: number) => ({
  type: n % 4 === 0 ? "order.paid" : "order.created",
  entity: "order",
  entityId: String(1000 + n),
  payload: {
    total: 40 + ((n * 37) % 460),
    currency: "EUR",
    customer: { name: ["Ada Lovelace", "Grace Hopper", "Alan Turing"][n % 3], email: `c${n}@shop.example` },
    lines: [{ sku: `HK-${100 + (n % 9)}`, quantity: 1 + (n % 3) }],
  },
});

export interface Receivers {
  good: Receiver;
  flaky: Receiver;
  broken: Receiver;
}

/** @param deliveries how many orders are sent */
export async function seed(installation: Installation, { good, flaky, broken }: Receivers, deliveries = 240): Promise<void> {
  good.respond((_call, index) => ({ status: 200, body: { received: true, id: index + 1 }, delayMs: 4 + (index % 17) * 3 }));
  flaky.respond((_call, index) =>
    index % 5 === 3 ? { status: 503, body: { error: "busy, try later" } } : { status: 200, body: { ok: true } },
  );
  broken.respond({ status: 422, body: '{"error":"unknown field <b>total</b>"}', headers: { "content-type": "application/json" } });

  for (const [name, description, schema] of [
    ["order.created", "A customer placed an order", { type: "object", required: ["total"], properties: { total: { type: "number" } } }],
    ["order.paid", "The payment of an order arrived", null],
    ["contact.created", "Somebody was added to the address book", null],
    ["contact.updated", "Somebody's details changed", null],
    ["invoice.overdue", "An invoice was not paid in time", null],
  ] as const) {
    await mutate(installation, "createEventType", { name, description, schema }, "... on EventType { id }");
  }
  const shop = await createDefinition(installation, {
    name: "Order desk",
    description: "Every order to the warehouse, strictly in order.",
    targetUrl: `${good.url}/hooks/orders`,
    eventTypes: ["order.*"],
    headers: { Authorization: "Bearer warehouse-secret", "X-Region": "eu" },
    properties: { region: "eu" },
  });
  await createDefinition(installation, {
    name: "Accounting",
    targetUrl: `${flaky.url}/ledger`,
    eventTypes: ["order.paid", "invoice.overdue"],
    filter: { payload: { total: { $gt: 100 } } },
    retrySchedule: [5, 60, 300, 1800],
    ordering: "KEY",
  });
  const crm = await createDefinition(installation, {
    name: "CRM mirror",
    description: "Must never miss a contact: stops at what fails.",
    targetUrl: `${broken.url}/api/contacts`,
    eventTypes: ["contact.*"],
    onExhausted: "BLOCK",
    retrySchedule: [1],
  });
  await createDefinition(installation, {
    name: "Analytics",
    targetUrl: `${good.url}/collect`,
    eventTypes: ["*"],
    ordering: "NONE",
    concurrency: 8,
    fieldsSet: ["total", "currency"],
  });
  const old = await createDefinition(installation, {
    name: "Old warehouse",
    targetUrl: `${good.url}/legacy`,
    eventTypes: ["order.created"],
  });
  await mutate(installation, "stopWebhookDefinitions", { ids: [old.id] }, "... on WebhookDefinitionList { webhookDefinitions { id } }");
  await mutate(
    installation,
    "createWorkflowRule",
    {
      name: "Large orders",
      entity: "order",
      condition: { payload: { total: { $gte: 400 } } },
      priority: "HIGH",
      webhookDefinitionIds: [shop.id],
    },
    "... on WorkflowRule { id }",
  );
  await mutate(
    installation,
    "createConnection",
    { name: "Field service", urlAdded: `${good.url}/added`, urlEdited: `${good.url}/edited`, headers: [{ name: "X-Key", value: "abc" }] },
    "... on Connection { id }",
  );
  await mutate(
    installation,
    "createScript",
    { name: "Set priority", source: "var p = EntityId > 10 ? 'high' : 'low';\np;" },
    "... on Script { id }",
  );
  await mutate(
    installation,
    "createSecretKey",
    { name: "Shared with CRM.COM", secret: "correct horse battery staple" },
    "... on SecretKey { id }",
  );

  await goals(installation);
  for (let n = 0; n < 6; n++) {
    await installation.emit({ type: "contact.created", entity: "contact", entityId: String(18 + n), payload: { name: `Contact ${n}` } });
  }
  for (let n = 0; n < deliveries; n += 12) {
    await installation.emit(Array.from({ length: Math.min(12, deliveries - n) }, (_, i) => order(n + i)));
    await sleep(25);
  }
  await waitForState(installation, crm.id, "REJECTED");
}

async function waitForState(installation: Installation, definitionId: string, state: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(100)) {
    const { webhookRequests } = await installation.graphql(
      "query ($filter: WebhookRequestFilter) { webhookRequests(first: 1, filter: $filter) { edges { node { id } } } }",
      { filter: { webhookDefinitionId: definitionId, state: [state] } },
    );
    if (webhookRequests.edges.length > 0) return;
  }
  throw new Error(`no request of ${definitionId} became ${state}`);
}

async function goals(installation: Installation): Promise<void> {
  const create = (input: object) => mutate(installation, "createGoal", input, "... on Goal { id }");
  const revenue = await create({
    name: "Monthly revenue",
    unit: "EUR",
    direction: "MAXIMIZE",
    goodThreshold: "450000",
    badThreshold: "300000",
  });
  const tickets = await create({ name: "Open tickets", unit: "tickets", direction: "MINIMIZE", goodThreshold: "40", badThreshold: "90" });
  await create({ name: "Customer satisfaction", unit: "%", direction: "MAXIMIZE", goodThreshold: "92.5", badThreshold: "80" });
  const day = (back: number) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10);
  const record = (goalId: string, back: number, value: string) =>
    mutate(installation, "recordGoalValue", { goalId, date: day(back), value }, "... on GoalValue { id }");
  for (let back = 60; back >= 0; back -= 4) {
    await record(revenue.id, back, String(Math.round(270_000 + (60 - back) * 3_600 + Math.sin(back) * 42_000)));
    await record(tickets.id, back, String(Math.round(62 + Math.cos(back / 5) * 38)));
  }
  await mutate(
    installation,
    "createInboundWebhook",
    { goalId: revenue.id, description: "The ERP posts the month's revenue every night." },
    "... on CreatedInboundWebhook { targetUrl }",
  );
}
