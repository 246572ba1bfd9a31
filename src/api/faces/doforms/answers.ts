/** How doForms' face says what is wrong: `{"status":400,"message":"headers: …"}`, and how its bodies are read. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { z } from "zod";
import { type Issue, ValidationError } from "../../../errors.ts";
import type { Log } from "../../../observe/log.ts";
import { jsonOf } from "../../body.ts";
import { type Problem, problemOf } from "../../problem.ts";

/** Our fields' names, as this product's. */
const PATHS: Record<string, string> = {
  urlAdded: "urls.added",
  urlEdited: "urls.edited",
  urlDeleted: "urls.deleted",
  urlStatus: "urls.status",
};

export function answerProblem(reply: FastifyReply, { status, message, issues, headers }: Problem): FastifyReply {
  const named = issues?.map(({ path, message: text }) => (path === "" ? text : `${PATHS[path] ?? path}: ${text}`)).join("; ");
  const body = { status, message: named ?? message };
  return reply
    .code(status)
    .headers(headers ?? {})
    .type("application/json; charset=utf-8")
    .send(JSON.stringify(body));
}

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return answerProblem(reply, problemOf(error, request.log as Log));
}

/** @throws ValidationError */
export function parse<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const parsed = schema.safeParse(jsonOf(request).value);
  if (parsed.success) return parsed.data;
  throw new ValidationError(parsed.error.issues.map((issue): Issue => ({ path: issue.path.join("."), message: issue.message })));
}

export type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

const METHODS: readonly HTTPMethods[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/** A path's methods; its other ones are 405. */
export function route(
  app: FastifyInstance,
  url: string,
  handlers: Partial<Record<"get" | "post" | "put" | "delete", Handler>>,
  options: { bodyLimit?: number } = {},
): void {
  const taken = Object.keys(handlers).map((method) => method.toUpperCase());
  for (const [method, handler] of Object.entries(handlers))
    app.route({ ...options, method: method.toUpperCase() as HTTPMethods, url, handler });
  app.route({
    method: METHODS.filter((method) => !taken.includes(String(method))),
    url,
    handler: async (_request, reply) => {
      const allow = taken.join(", ");
      return answerProblem(reply, { status: 405, code: "METHOD_NOT_ALLOWED", message: `only ${allow} here`, headers: { allow } });
    },
  });
}
