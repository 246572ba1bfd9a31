/** One call: with what, and how it is answered. */
import type { FastifyReply } from "fastify";
import type { Caller } from "../../../accounts/caller.ts";
import { shownUrl } from "../../../definitions/headers.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import type { Call, Handler, Route } from "../face.ts";
import { warn } from "../warning.ts";
import { answer } from "./answer.ts";
import { type Body, givenId, member, objectOf, readBody, sourceOf } from "./body.ts";
import { dateFormat } from "./dates.ts";
import { FaceError } from "./errors.ts";
import { readWebhook } from "./input.ts";
import { canonical, demandRead, demandWrite, findWebhook, listWebhooks, scriptOf, signalEvent } from "./operations.ts";
import { testTarget } from "./save-test.ts";
import { select } from "./select.ts";
import { DEFAULT_WEBHOOK, type Webhook, webhooksOf, withLinks } from "./webhook.ts";

export interface SoCall extends Call {
  caller: Caller;
  body: Body;
  /** A query parameter without regard to case. */
  query(name: string): string | undefined;
}

type SoHandler = (call: SoCall) => Promise<FastifyReply>;

/** The body is read once it is known who calls. */
const reading =
  (handler: SoHandler): Handler<Caller> =>
  async (call, caller) => {
    const query = (call.request.query ?? {}) as Record<string, unknown>;
    const first = (name: string) => {
      const value = member(query, name);
      return Array.isArray(value) ? String(value[0]) : (value as string | undefined);
    };
    return handler({ ...call, caller, body: readBody(call.request), query: first });
  };

export function route(path: string, methods: Partial<Record<"GET" | "POST" | "PUT" | "PATCH" | "DELETE", SoHandler>>): Route<Caller> {
  return { path, methods: Object.fromEntries(Object.entries(methods).map(([method, handler]) => [method, reading(handler)])) };
}

const formatOf = ({ request }: SoCall) => dateFormat(String(request.headers["so-timezone"] ?? ""));

export async function shown(call: SoCall, row: DefinitionRow): Promise<Webhook> {
  warn(call.reply, row);
  const [webhook] = await webhooksOf(call.core, call.caller, [row], formatOf(call));
  if (!webhook) throw new FaceError(404, "the webhook was not found");
  return webhook;
}

/** REST shows the entity with its links (S28), the RPC twins without. */
export async function answerRest(call: SoCall, row: DefinitionRow): Promise<FastifyReply> {
  const webhook = withLinks(await shown(call, row), call.doors.publicUrl());
  return answer(call.request, call.reply, "Webhook", select(webhook, call.query("$select")));
}

export async function answerRpc(call: SoCall, row: DefinitionRow): Promise<FastifyReply> {
  return answer(call.request, call.reply, "Webhook", select(await shown(call, row), call.query("$select")));
}

export async function answerList(call: SoCall, filter: Parameters<typeof listWebhooks>[2]): Promise<FastifyReply> {
  const rows = await listWebhooks(call.doors, call.caller, filter);
  const webhooks = await webhooksOf(call.core, call.caller, rows, formatOf(call));
  const list = webhooks.map((webhook) => select(webhook, call.query("$select")));
  return answer(call.request, call.reply, "Webhook", list);
}

export async function answerDefault({ request, reply, caller, query }: SoCall): Promise<FastifyReply> {
  demandRead(caller);
  return answer(request, reply, "Webhook", select(DEFAULT_WEBHOOK, query("$select")));
}

/** @throws FaceError 400 in another root element than <Webhook> */
export function webhookIn({ body }: SoCall): Record<string, unknown> {
  if (body.root !== undefined && body.root !== "Webhook") throw new FaceError(400, "the root element must be <Webhook>");
  return objectOf(body, "Webhook");
}

/** 200 also when the target fails: the result says so. */
export async function test(call: SoCall, given: Record<string, unknown>): Promise<FastifyReply> {
  const { doors, caller, request, reply } = call;
  demandWrite(caller);
  const input = readWebhook({ ...given, Name: member(given, "Name") ?? "Test" });
  const id = givenId(given);
  const row = id === undefined ? undefined : await findWebhook(doors, caller, id).catch(() => undefined);
  // What the caller may not see goes only where it goes anyway.
  const same = row && [row.targetUrl, shownUrl(caller, row.targetUrl)].includes(canonical(input.TargetUrl));
  const stored = same ? row : undefined;
  if (same) input.TargetUrl = row.targetUrl;
  const script = input.Type === "crmscript" ? await scriptOf(doors.core, caller, input) : null;
  const failure = await testTarget(doors, caller, input, { stored, script });
  const result = { Success: failure === null, Message: failure ?? "OK", TableRight: null, FieldProperties: {} };
  return answer(request, reply, "WebhookResult", result);
}

/** @param data as it was sent, where it was sent as JSON */
export async function signal(
  call: SoCall,
  given: { name: unknown; primaryKey: unknown; value: unknown; data: string | undefined },
): Promise<FastifyReply> {
  const value = given.value ?? {};
  if (typeof value !== "object" || Array.isArray(value)) throw new FaceError(400, "the data must be a JSON object");
  const data = given.value === undefined || given.value === null ? "{}" : (given.data ?? JSON.stringify(value));
  const { name, primaryKey } = given;
  await signalEvent(call.doors, call.caller, { name, primaryKey, data, fields: Object.keys(value) });
  return call.reply.code(204).send();
}

export const memberSource = (call: SoCall, name: string) => sourceOf(call.body, name);
