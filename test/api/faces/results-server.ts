/** The RESULTS.com face on a real HTTP server over a test Core with a real ingest, and a client for it. */
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import type { Caller } from "../../../src/accounts/caller.ts";
import type { Doors } from "../../../src/api/doors.ts";
import { resultsFace } from "../../../src/api/faces/results/face.ts";
import type { Deadlines } from "../../../src/api/faces/results/inbound.ts";
import type { Core } from "../../../src/core.ts";
import { createQueue } from "../../../src/db/queue.ts";
import { createCatalogs } from "../../../src/definitions/catalog.ts";
import { createNumbers } from "../../../src/delivery/numbers.ts";
import { createIngest, type Ingest } from "../../../src/events/ingest.ts";
import { createGoal, type Goal, type GoalInput } from "../../../src/goals/goals.ts";
import { createInboundWebhook, type InboundWebhook } from "../../../src/goals/inbound-webhooks.ts";
import { globalId } from "../../../src/wire/ids.ts";

export interface Served {
  url: string;
  port: number;
  close(): Promise<void>;
}

export interface Serving extends Deadlines {
  /** Around the real one. */
  ingest?: (real: Ingest) => Ingest;
}

/** An api process: it takes posts, and leaves deliveries to workers. */
export async function serveResults(core: Core, { ingest = (real) => real, ...deadlines }: Serving = {}): Promise<Served> {
  const queue = createQueue(core.db.url, core.log, { worker: false });
  const face = resultsFace(deadlines);
  const app = Fastify({ trustProxy: core.config.trustedProxies, rewriteUrl: ({ url = "/" }) => face.rewrite?.(url) ?? url });
  const address = () => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  // What this face asks of the doors; the others have no part in it.
  const doors = {
    core,
    ingest: ingest(
      createIngest(core, { lanes: undefined, catalogs: createCatalogs(), numbers: createNumbers(core.db, core.clock), queue }),
    ),
    publicUrl: () => core.config.publicUrl ?? address(),
  };
  await face.mount(app, doors as Doors);
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { url: address(), port: Number(new URL(address()).port), close: () => app.close() };
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

/** `date value` of what a goal has, oldest first. */
export async function valuesOf(core: Core, { goal }: Hook): Promise<string[]> {
  const { rows } = await core.db.pool.query<{ line: string }>(
    "SELECT to_char(date, 'YYYY-MM-DD') || ' ' || trim_scale(value)::text AS line FROM goal_value WHERE goal_id = $1 ORDER BY date",
    [goal.id],
  );
  return rows.map((row) => row.line);
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect to find
  body: any;
}

/** @param body an object is sent as JSON, text as it is */
export async function call(method: string, url: string, body?: object | string, headers: Record<string, string> = {}): Promise<Answer> {
  const init: RequestInit = {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    redirect: "manual",
  };
  if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return { status: response.status, headers: response.headers, text, body: isJson && text !== "" ? JSON.parse(text) : undefined };
}

export const post = (url: string, body?: object | string, headers?: Record<string, string>) => call("POST", url, body, headers);
