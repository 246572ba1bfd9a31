/**
 * CRM.COM's own Web API (contract C1–C35) over the same definitions, rules, lanes and log as every other door.
 * GET methods take a query, POST methods JSON or a form; the token is a parameter of every call.
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../../accounts/caller.ts";
import { parseJson } from "../../wire/json-exact.ts";
import { members } from "../../wire/json-text.ts";
import { jsonOf, mediaType, textOf } from "../body.ts";
import type { Doors } from "../doors.ts";
import { readForm } from "../form.ts";
import { HTTP } from "../limits.ts";
import * as definitions from "./crmcom/definitions.ts";
import { answerErrors, CrmcomError, ok, sendError } from "./crmcom/envelope.ts";
import type { Parameters } from "./crmcom/parameters.ts";
import * as requests from "./crmcom/requests.ts";
import * as rules from "./crmcom/rules.ts";
import { keyToken, passwordToken, release, signedIn } from "./crmcom/session.ts";

const BASE = "/crmapi/rest/v2";
/** The token stands in the body, so that it is read before anybody is known. Texts and JSON of a definition have 64 KiB each. */
const BODY_LIMIT = 256 * 1024;
const signingIn = { bodyLimit: HTTP.signInBytes };

/** A method of a resource: answers the data of the envelope. */
type Method = (doors: Doors, caller: Caller, parameters: Parameters) => Promise<unknown>;

const AUTHENTICATION = ["authentication/token", "authentication/token/release", "authentication/web_api_key/token"];
const SET_STATE = "webhook_definitions/set_life_cycle_state";

const GET: Record<string, Method> = {
  "webhook_requests/show": ({ core }, caller, parameters) => requests.show(core, caller, parameters),
  "webhook_requests/list": ({ core }, caller, parameters) => requests.list(core, caller, parameters),
  "webhook_definitions/show": definitions.show,
  "webhook_definitions/list": definitions.list,
  "workflow_rules/show": rules.show,
  "workflow_rules/list": rules.list,
};

const POST: Record<string, Method> = {
  "webhook_requests/resend": ({ core }, caller, parameters) => requests.resendOne(core, caller, parameters),
  "webhook_requests/delete": ({ core }, caller, parameters) => requests.deleteOne(core, caller, parameters),
  "webhook_definitions/create": definitions.create,
  "webhook_definitions/update": definitions.update,
  "webhook_definitions/delete": definitions.remove,
  "workflow_rules/create": rules.create,
  "workflow_rules/update": rules.update,
  "workflow_rules/delete": rules.remove,
};

/** What each path takes. */
const ALLOW = new Map<string, "GET" | "POST">([
  ...Object.keys(GET).map((path) => [`${BASE}/${path}`, "GET"] as const),
  ...[...Object.keys(POST), ...AUTHENTICATION, SET_STATE].map((path) => [`${BASE}/${path}`, "POST"] as const),
]);

export function crmcomRoutes(doors: Doors): FastifyPluginAsync {
  const { core } = doors;
  return async (app) => {
    app.setErrorHandler(answerErrors(core.log, core.config.crmcomHttpStatus));
    app.addHook("onSend", async (_request, reply) => void reply.header("cache-control", "no-store"));

    app.post(`${BASE}/authentication/token`, signingIn, async (request) =>
      ok({ token: await passwordToken(core, bodyOf(request), request.ip) }),
    );
    app.post(`${BASE}/authentication/web_api_key/token`, signingIn, async (request) =>
      ok({ token: await keyToken(core, bodyOf(request), request) }),
    );
    app.post(`${BASE}/authentication/token/release`, signingIn, async (request) => {
      await release(core, await signedIn(core, bodyOf(request), request));
      return ok(null);
    });

    for (const [path, method] of Object.entries(GET)) {
      app.get(`${BASE}/${path}`, async (request) => {
        const parameters = { values: request.query as Record<string, unknown>, json: false };
        const { caller } = await signedIn(core, parameters, request);
        return ok(await method(doors, caller, parameters));
      });
    }
    for (const [path, method] of Object.entries(POST)) {
      app.post(`${BASE}/${path}`, { bodyLimit: BODY_LIMIT }, async (request) => {
        const parameters = bodyOf(request);
        const { caller } = await signedIn(core, parameters, request);
        return ok(await method(doors, caller, parameters));
      });
    }
    app.post(`${BASE}/${SET_STATE}`, { bodyLimit: BODY_LIMIT }, async (request) => {
      const parameters = bodyOf(request);
      const { caller } = await signedIn(core, parameters, request);
      const { item, message } = await definitions.setLifeCycleState(doors, caller, parameters);
      return ok(item, message);
    });
    // Anything else below /crmapi speaks this product's form too.
    const unknown = async (request: FastifyRequest, reply: FastifyReply) => {
      const allow = ALLOW.get(request.url.split("?")[0] ?? "");
      if (!allow || request.method === allow) return sendError(reply, "NOT_FOUND", "there is no such method", 404);
      return sendError(reply.header("allow", allow), "METHOD_NOT_ALLOWED", `this method takes ${allow} only`, 405);
    };
    app.all("/crmapi", unknown);
    app.all("/crmapi/*", unknown);
  };
}

/** @throws CrmcomError INVALID_VALUE */
function bodyOf(request: FastifyRequest): Parameters {
  if (mediaType(request) === "application/x-www-form-urlencoded") {
    const values: Record<string, unknown> = Object.create(null);
    for (const [name, value] of readForm(textOf(request))) values[name] = name in values ? [values[name], value].flat() : value;
    return { values, json: false };
  }
  if (textOf(request) === "") return { values: {}, json: true };
  const { value, text } = jsonOf(request);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new CrmcomError("INVALID_VALUE", "the body must be a JSON object");
  // The numbers of a condition are compared as they were written.
  const condition = members(text)?.get("conditions_set");
  return { values: { ...value, ...(condition !== undefined && { conditions_set: parseJson(condition) }) }, json: true };
}
