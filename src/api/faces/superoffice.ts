/**
 * SuperOffice's Webhook REST API and its RPC twins, over the same domain functions as GraphQL.
 * What is original and what is ours: README.md beside this file.
 */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { Caller } from "../../accounts/caller.ts";
import { shownUrl } from "../../definitions/headers.ts";
import type { DefinitionRow } from "../../definitions/settings.ts";
import { maskUrl } from "../../wire/mask.ts";
import type { Doors } from "../doors.ts";
import { answer } from "./superoffice/answer.ts";
import { callerOf } from "./superoffice/auth.ts";
import { type Body, member, objectOf, readBody } from "./superoffice/body.ts";
import { dateFormat, httpDate } from "./superoffice/dates.ts";
import { FaceError, sendError } from "./superoffice/errors.ts";
import { readWebhook } from "./superoffice/input.ts";
import {
  canonical,
  createWebhook,
  deleteWebhook,
  demandRead,
  demandWrite,
  findWebhook,
  lastErrorOf,
  listWebhooks,
  replaceWebhook,
  scriptOf,
  signalEvent,
} from "./superoffice/operations.ts";
import { changedFields, patched } from "./superoffice/patch.ts";
import { testTarget } from "./superoffice/save-test.ts";
import { select } from "./superoffice/select.ts";
import { DEFAULT_WEBHOOK, webhooksOf, withLinks } from "./superoffice/webhook.ts";
import { warn } from "./warning.ts";

/** S2: the vendor's NsApiSlow threshold. */
const SLOW_MS = 2_000;
const BODY_LIMIT = 1024 * 1024;
const METHODS: readonly HTTPMethods[] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const REST = "/api/v1/Webhook";
const RPC = "/api/v1/Agents/Webhook";

/** One call: who, with what, and how to answer. */
interface Call {
  request: FastifyRequest;
  reply: FastifyReply;
  caller: Caller;
  body: Body;
  /** A query parameter without regard to case. */
  query(name: string): string | undefined;
  /** A path parameter. */
  param(name: string): string;
}

type Handler = (call: Call) => Promise<FastifyReply>;

export function superofficeRoutes(doors: Doors): FastifyPluginAsync {
  return async (app) => {
    const { core } = doors;
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: BODY_LIMIT }, (_request, body, done) => done(null, body));
    app.setErrorHandler((error, _request, reply) => sendError(reply, error, core.log));
    app.addHook("onResponse", async (request, reply) => {
      const milliseconds = Math.round(reply.elapsedTime);
      const path = maskUrl(request.url);
      if (milliseconds > SLOW_MS) core.log.warn(`NsApiSlow ${request.method} ${path} ${milliseconds} ms`);
    });
    restRoutes(app, doors);
    rpcRoutes(app, doors);
    app.all("/api/v1/*", async (request) => {
      throw new FaceError(404, `there is no ${maskUrl(request.url)}`);
    });
  };
}

/** A known path; its other methods are 405. */
function route(app: FastifyInstance, doors: Doors, url: string, handlers: Partial<Record<string, Handler>>): void {
  for (const [method, handler] of Object.entries(handlers)) {
    app.route({
      method: method.toUpperCase() as HTTPMethods,
      url,
      handler: async (request, reply) => {
        const caller = await callerOf(doors.core, request);
        const query = (request.query ?? {}) as Record<string, unknown>;
        return (handler as Handler)({
          request,
          reply,
          caller,
          body: readBody(request),
          query: (name) => {
            const value = member(query, name);
            return Array.isArray(value) ? String(value[0]) : (value as string | undefined);
          },
          param: (name) => (request.params as Record<string, string>)[name] ?? "",
        });
      },
    });
  }
  const taken = Object.keys(handlers).map((method) => method.toUpperCase());
  // Fastify answers HEAD where there is a GET.
  const known = taken.includes("GET") ? [...taken, "HEAD"] : taken;
  const others = METHODS.filter((method) => !known.includes(String(method)));
  app.route({
    method: [...others],
    url,
    handler: async (_request, reply) => {
      reply.header("allow", taken.join(", "));
      throw new FaceError(405, "this path does not take that method");
    },
  });
}

async function shown(doors: Doors, { request, reply, caller }: Call, row: DefinitionRow) {
  warn(reply, row);
  const [webhook] = await webhooksOf(doors.core, caller, [row], dateFormat(String(request.headers["so-timezone"] ?? "")));
  if (!webhook) throw new FaceError(404, "the webhook was not found");
  return webhook;
}

/** REST shows the entity with its links (S28), the RPC twins without. */
async function answerRest(doors: Doors, call: Call, row: DefinitionRow): Promise<FastifyReply> {
  const webhook = withLinks(await shown(doors, call, row), doors.publicUrl());
  return answer(call.request, call.reply, "Webhook", select(webhook, call.query("$select")));
}

async function answerRpc(doors: Doors, call: Call, row: DefinitionRow): Promise<FastifyReply> {
  return answer(call.request, call.reply, "Webhook", select(await shown(doors, call, row), call.query("$select")));
}

async function answerList(doors: Doors, call: Call, filter: Parameters<typeof listWebhooks>[2]): Promise<FastifyReply> {
  const rows = await listWebhooks(doors, call.caller, filter);
  const webhooks = await webhooksOf(doors.core, call.caller, rows, dateFormat(String(call.request.headers["so-timezone"] ?? "")));
  const list = webhooks.map((webhook) => select(webhook, call.query("$select")));
  return answer(call.request, call.reply, "Webhook", list);
}

const seconds = (date: Date) => Math.floor(date.getTime() / 1000);

/** @throws FaceError 412 */
function demandUnmodified({ request }: Call, row: DefinitionRow): void {
  const since = httpDate(request.headers["if-unmodified-since"]);
  if (since !== undefined && seconds(row.updatedAt) > since) throw new FaceError(412, "the webhook was changed meanwhile");
}

const noContent = (reply: FastifyReply) => reply.code(204).send();

/** @throws FaceError 400 in another root element than <Webhook> */
function webhookIn({ body }: Call): Record<string, unknown> {
  if (body.root !== undefined && body.root !== "Webhook") throw new FaceError(400, "the root element must be <Webhook>");
  return objectOf(body, "Webhook");
}

function restRoutes(app: FastifyInstance, doors: Doors): void {
  route(app, doors, REST, {
    get: (call) =>
      answerList(doors, call, { name: call.query("nameFilter"), event: call.query("eventFilter"), status: call.query("statusFilter") }),
    post: async (call) => answerRest(doors, call, await createWebhook(doors, call.caller, readWebhook(webhookIn(call)))),
  });
  route(app, doors, `${REST}/default`, { get: (call) => answerDefault(call) });
  route(app, doors, `${REST}/Test`, { post: (call) => test(doors, call, webhookIn(call)) });
  route(app, doors, `${REST}/:id`, {
    get: async (call) => {
      const row = await findWebhook(doors, call.caller, call.param("id"));
      const since = httpDate(call.request.headers["if-modified-since"]);
      if (since !== undefined && seconds(row.updatedAt) <= since) return call.reply.code(304).send();
      return answerRest(doors, call, row);
    },
    put: async (call) => {
      demandWrite(call.caller);
      const row = await findWebhook(doors, call.caller, call.param("id"));
      demandUnmodified(call, row);
      return answerRest(doors, call, await replaceWebhook(doors, call.caller, row, readWebhook(webhookIn(call))));
    },
    patch: async (call) => {
      demandWrite(call.caller);
      const row = await findWebhook(doors, call.caller, call.param("id"));
      demandUnmodified(call, row);
      const before = await shown(doors, call, row);
      const after = patched(before, call.body.value);
      return answerRest(doors, call, await replaceWebhook(doors, call.caller, row, readWebhook(after), changedFields(before, after)));
    },
    delete: async (call) => {
      await deleteWebhook(doors, call.caller, call.param("id"));
      return noContent(call.reply);
    },
  });
  route(app, doors, `${REST}/:id/LastError`, {
    get: async (call) => {
      const row = await findWebhook(doors, call.caller, call.param("id"));
      return answer(call.request, call.reply, "string", await lastErrorOf(doors, row));
    },
    post: (call) => signal(doors, call, { name: call.param("id"), primaryKey: "LastError", data: call.body.value }),
  });
  route(app, doors, `${REST}/:id/:primaryKey`, {
    post: (call) => signal(doors, call, { name: call.param("id"), primaryKey: call.param("primaryKey"), data: call.body.value }),
  });
}

/** All of them POST. */
function rpcRoutes(app: FastifyInstance, doors: Doors): void {
  const rpc = (name: string, handler: Handler) => route(app, doors, `${RPC}/${name}`, { post: handler });
  /** From the query, or from the body. */
  const argument = (call: Call, name: string): unknown =>
    call.query(name) ?? member((call.body.value ?? {}) as Record<string, unknown>, name);

  rpc("CreateDefaultWebhook", (call) => answerDefault(call));
  rpc("SaveWebhook", async (call) => {
    demandWrite(call.caller);
    const given = webhookIn(call);
    const id = member(given, "WebhookId") ?? 0;
    if (Number(id) === 0) return answerRpc(doors, call, await createWebhook(doors, call.caller, readWebhook(given)));
    const row = await findWebhook(doors, call.caller, id);
    return answerRpc(doors, call, await replaceWebhook(doors, call.caller, row, readWebhook(given)));
  });
  rpc("DeleteWebhook", async (call) => {
    await deleteWebhook(doors, call.caller, argument(call, "webhookId"));
    return noContent(call.reply);
  });
  rpc("GetWebhook", async (call) => answerRpc(doors, call, await findWebhook(doors, call.caller, argument(call, "webhookId"))));
  rpc("GetAllWebhooks", (call) => {
    const [name, event, status] = ["NameFilter", "EventFilter", "StatusFilter"].map((each) => argument(call, each));
    return answerList(doors, call, { name, event, status });
  });
  rpc("TestWebhook", (call) => {
    const webhook = member(objectOf(call.body, "Webhook"), "Webhook");
    return test(doors, call, objectOf({ ...call.body, value: webhook }, "Webhook"));
  });
  rpc("SignalEvent", (call) => {
    const given = objectOf(call.body, "event");
    return signal(doors, call, { name: member(given, "EventName"), primaryKey: member(given, "PrimaryKey"), data: member(given, "Data") });
  });
  rpc("GetLastError", async (call) => {
    const row = await findWebhook(doors, call.caller, argument(call, "WebhookId"));
    return answer(call.request, call.reply, "string", await lastErrorOf(doors, row));
  });
}

async function answerDefault({ request, reply, caller, query }: Call): Promise<FastifyReply> {
  demandRead(caller);
  return answer(request, reply, "Webhook", select(DEFAULT_WEBHOOK, query("$select")));
}

/** 200 also when the target fails: the result says so. */
async function test(doors: Doors, call: Call, given: Record<string, unknown>): Promise<FastifyReply> {
  const { caller, request, reply } = call;
  demandWrite(caller);
  const input = readWebhook({ ...given, Name: member(given, "Name") ?? "Test" });
  const id = Number(member(given, "WebhookId") ?? 0);
  const row = id === 0 ? undefined : await findWebhook(doors, caller, id).catch(() => undefined);
  // What the caller may not see goes only where it goes anyway.
  const same = row && [row.targetUrl, shownUrl(caller, row.targetUrl)].includes(canonical(input.TargetUrl));
  const stored = same ? row : undefined;
  if (same) input.TargetUrl = row.targetUrl;
  const script = input.Type === "crmscript" ? await scriptOf(doors.core, caller, input) : null;
  const failure = await testTarget(doors, caller, input, { stored, script });
  const result = { Success: failure === null, Message: failure ?? "OK", TableRight: null, FieldProperties: {} };
  return answer(request, reply, "WebhookResult", result);
}

async function signal(doors: Doors, call: Call, given: { name: unknown; primaryKey: unknown; data: unknown }): Promise<FastifyReply> {
  const data = given.data ?? {};
  if (typeof data !== "object" || Array.isArray(data)) throw new FaceError(400, "the data must be a JSON object");
  // As it was sent, where the whole body is the data: number tokens and escapes stay.
  const whole = given.data === call.body.value ? call.body.text : undefined;
  const { name, primaryKey } = given;
  await signalEvent(doors, call.caller, { name, primaryKey, data: whole ?? JSON.stringify(data), fields: Object.keys(data) });
  return noContent(call.reply);
}
