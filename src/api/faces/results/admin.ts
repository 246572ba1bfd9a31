/** `/api/inbound-webhooks`: RESULTS.com's "More > Webhooks" as REST. Signed in, admins only; over the functions GraphQL calls. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { z } from "zod";
import type { Caller } from "../../../accounts/caller.ts";
import type { Core } from "../../../core.ts";
import { ForbiddenError, NotFoundError, UnauthenticatedError, ValidationError } from "../../../errors.ts";
import type { Problem } from "../../../goals/datum.ts";
import {
  allInboundWebhooks,
  createInboundWebhook,
  deleteInboundWebhook,
  findInboundWebhook,
  type InboundWebhook,
  type InboundWebhookWithKey,
  inboundWebhookUrl,
  rotateInboundWebhookKey,
  updateInboundWebhook,
} from "../../../goals/inbound-webhooks.ts";
import type { Log } from "../../../observe/log.ts";
import { globalId, idOf } from "../../../wire/ids.ts";
import type { Doors } from "../../doors.ts";
import { problemOf } from "../../problem.ts";
import { identify } from "../../session.ts";
import { type ErrorStatus, errorBody, guardHeaders, sendError } from "./answers.ts";

const REQUIRED = "is required";
/** A missing property has a code of its own in this product's errors. */
const orRequired = (message: string) => ({ error: (issue: { input?: unknown }) => (issue.input === undefined ? REQUIRED : message) });
const text = z.string(orRequired("must be text"));
const creation = z.object({
  targetType: z.literal("goal", orRequired('must be "goal"; connect, meeting and task are reserved')),
  goalId: text,
  name: text.nullish(),
  description: text.nullish(),
});
const change = z.object({
  name: text.optional(),
  description: text.nullish(),
  enabled: z.boolean({ error: "must be true or false" }).optional(),
});

const METHODS: readonly HTTPMethods[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

export function adminRoutes({ core, publicUrl }: Doors): FastifyPluginAsync {
  const withUrl = ({ inboundWebhook, key }: InboundWebhookWithKey) => ({
    ...shown(inboundWebhook),
    targetUrl: inboundWebhookUrl(publicUrl(), inboundWebhook, key),
  });

  return async (app) => {
    app.setErrorHandler(answerError);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));

    app.get("/api/inbound-webhooks", async (request) => (await allInboundWebhooks(core, await admin(core, request))).map(shown));

    app.post("/api/inbound-webhooks", async (request, reply) => {
      const caller = await admin(core, request);
      const { goalId, name, description } = parse(creation, request);
      const input = { goalId: known("Goal", goalId), name: name ?? null, description: description ?? null };
      guardHeaders(reply);
      return reply.code(201).send(withUrl(await createInboundWebhook(core, caller, input)));
    });

    app.get<Id>("/api/inbound-webhooks/:id", async (request) => {
      const caller = await admin(core, request);
      const webhook = await findInboundWebhook(core, caller, known("InboundWebhook", request.params.id));
      if (!webhook) throw new NotFoundError("the inbound webhook");
      return shown(webhook);
    });

    app.patch<Id>("/api/inbound-webhooks/:id", async (request) => {
      const caller = await admin(core, request);
      const id = known("InboundWebhook", request.params.id);
      return shown(await updateInboundWebhook(core, caller, id, parse(change, request)));
    });

    app.delete<Id>("/api/inbound-webhooks/:id", async (request, reply) => {
      const caller = await admin(core, request);
      await deleteInboundWebhook(core, caller, known("InboundWebhook", request.params.id));
      return reply.code(204).send();
    });

    app.post<Id>("/api/inbound-webhooks/:id/rotate-key", async (request, reply) => {
      const caller = await admin(core, request);
      const rotated = await rotateInboundWebhookKey(core, caller, known("InboundWebhook", request.params.id));
      guardHeaders(reply);
      return reply.send(withUrl(rotated));
    });

    refuseOthers(app, "/api/inbound-webhooks", ["GET", "POST"]);
    refuseOthers(app, "/api/inbound-webhooks/:id", ["GET", "PATCH", "DELETE"]);
    refuseOthers(app, "/api/inbound-webhooks/:id/rotate-key", ["POST"]);
  };
}

/** A known path's other methods. */
function refuseOthers(app: FastifyInstance, url: string, taken: readonly HTTPMethods[]): void {
  const method = METHODS.filter((each) => !taken.includes(each));
  const handler = async (_request: FastifyRequest, reply: FastifyReply) =>
    sendError(reply.header("allow", taken.join(", ")), errorBody(405, { message: `only ${taken.join(", ")} here` }));
  app.route({ method, url, handler });
}

interface Id {
  Params: { id: string };
}

/** Roles come before ids: somebody who is no admin learns nothing of what exists. */
async function admin(core: Core, request: FastifyRequest): Promise<Caller> {
  const { credential } = await identify(core, request.headers, request.ip, request.method);
  if (!credential) throw new UnauthenticatedError();
  const { caller } = credential;
  if (!caller.scopes.has("admin")) throw new ForbiddenError();
  return caller;
}

/** @throws NotFoundError for what can be no id of ours */
function known(type: "Goal" | "InboundWebhook", id: string): string {
  const uuid = idOf(type, id);
  if (uuid === undefined) throw new NotFoundError(type === "Goal" ? "the goal" : "the inbound webhook");
  return uuid;
}

/** @throws ValidationError */
function parse<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  let body: unknown;
  try {
    body = JSON.parse(request.body as string);
  } catch {
    throw new ValidationError([{ path: "", message: "the body is not valid JSON" }]);
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new ValidationError(parsed.error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message })));
}

/** The key is not among it: it is shown once, inside `targetUrl`. */
function shown({ id, targetType, goalId, name, description, enabled }: InboundWebhook) {
  return {
    id: globalId("InboundWebhook", id),
    targetType: targetType.toLowerCase(),
    goalId: globalId("Goal", goalId),
    name,
    description,
    enabled,
  };
}

/** The contract's error body for what other doors say as problem+json. */
function answerError(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, message, issues, headers } = problemOf(error, request.log as Log);
  const errors = issues?.map(({ path, message }): Problem => {
    const code = path === "" ? "malformed_json" : message === REQUIRED ? "required" : "invalid";
    return { property: path, code, message };
  });
  return sendError(reply.headers(headers ?? {}), errorBody(status as ErrorStatus, { message, errors: errors ?? [] }));
}
