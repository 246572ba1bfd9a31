/** The RESULTS.com face on a real HTTP server over a test Core, and a client for it. */
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import type { Caller } from "../../../src/accounts/caller.ts";
import { type Deadlines, inboundRoutes } from "../../../src/api/faces/results/inbound.ts";
import { newId } from "../../../src/clock.ts";
import type { Core } from "../../../src/core.ts";
import { createGoal, type Goal, type GoalInput } from "../../../src/goals/goals.ts";
import { createInboundWebhook, type InboundWebhook } from "../../../src/goals/inbound-webhooks.ts";
import { globalId } from "../../../src/wire/ids.ts";

export interface Served {
  url: string;
  port: number;
  close(): Promise<void>;
}

const ingest = {
  emit: async () => ({ events: [] }),
  async within(client: any, organizationId: string, inputs: any[]) {
    for (const i of inputs)
      await client.query(
        "INSERT INTO event (id, organization_id, type, entity, entity_id, payload, changes, occurred_at) VALUES ($1,$2,$3,$4,$5,$6,'{}',now())",
        [newId(), organizationId, i.type, i.entity, i.entityId, i.payload],
      );
    return () => undefined;
  },
};

export async function serveInbound(core: Core, deadlines: Deadlines = {}): Promise<Served> {
  const app = Fastify({ trustProxy: core.config.trustedProxies, exposeHeadRoutes: false });
  app.register(inboundRoutes({ core, ingest: ingest as never } as never, deadlines));
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, close: () => app.close() };
}

export interface Hook {
  goal: Goal;
  webhook: InboundWebhook;
  key: string;
  /** Without the origin. */
  path: string;
}

let made = 0;

/** A goal of its own with one inbound webhook. */
export async function makeHook(core: Core, caller: Caller, goal: Partial<GoalInput> = {}): Promise<Hook> {
  const created = await createGoal(core, caller, { name: `Goal ${++made}`, direction: "MAXIMIZE", ...goal });
  return addHook(core, caller, created);
}

export async function addHook(core: Core, caller: Caller, goal: Goal): Promise<Hook> {
  const { inboundWebhook, key } = await createInboundWebhook(core, caller, { goalId: goal.id });
  return { goal, webhook: inboundWebhook, key, path: pathOf(goal, key) };
}

export function pathOf(goal: { id: string }, key: string): string {
  return `/inbound/goals/${globalId("Goal", goal.id)}/${key}`;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
  body: any;
}

/** @param body an object is sent as JSON, text as it is */
export async function post(url: string, body?: object | string, headers: Record<string, string> = {}, method = "POST"): Promise<Answer> {
  const init: RequestInit = { method, headers: { "content-type": "application/json", ...headers }, redirect: "manual" };
  if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: text.startsWith("{") ? JSON.parse(text) : undefined };
}
