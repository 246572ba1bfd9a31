/** CRM.COM's envelope: `{"status": {message, description, code}, "data"}`, for answers and errors alike. */
import type { FastifyReply } from "fastify";
import { ConflictError, ForbiddenError, HooklineError, NotFoundError, ValidationError } from "../../../errors.ts";
import type { Log } from "../../../observe/log.ts";
import { told } from "../../../text.ts";
import { problemOf } from "../../problem.ts";

export type Code =
  | "INVALID_TOKEN"
  | "INVALID_CREDENTIALS"
  | "MISSING_PARAMETER"
  | "INVALID_IDENTIFIER"
  | "INVALID_VALUE"
  | "INVALID_FIELD"
  | "NOT_FOUND"
  | "NOT_REJECTED"
  | "NOT_SETTLED"
  | "ALREADY_EXISTS"
  | "FORBIDDEN";

/** The user's mistake, in this product's words. */
export class CrmcomError extends Error {
  readonly code: Code;
  constructor(code: Code, message: string) {
    super(told(message, 2_000));
    this.name = "CrmcomError";
    this.code = code;
  }
}

/** With HOOKLINE_CRMCOM_HTTP_STATUS; without it business errors are 200, as this product's clients expect. */
const STATUS: Partial<Record<Code, number>> = {
  NOT_FOUND: 404,
  FORBIDDEN: 403,
  NOT_REJECTED: 409,
  NOT_SETTLED: 409,
  ALREADY_EXISTS: 409,
};
const TOKEN_ERRORS: ReadonlySet<Code> = new Set(["INVALID_TOKEN", "INVALID_CREDENTIALS"]);

export function ok(data: unknown, message = ""): object {
  return { status: { message, description: "", code: "OK" }, data };
}

export function sendError(reply: FastifyReply, code: string, message: string, status: number): FastifyReply {
  return reply
    .code(status)
    .type("application/json; charset=utf-8")
    .send({ status: { message, description: message, code }, data: null });
}

/** What domain functions throw, in this product's words; undefined for faults that are not the user's. */
export function crmcomError(error: unknown): CrmcomError | undefined {
  if (error instanceof CrmcomError) return error;
  if (error instanceof ValidationError) return new CrmcomError("INVALID_VALUE", renamed(error.message));
  if (error instanceof NotFoundError) return new CrmcomError("NOT_FOUND", error.message);
  if (error instanceof ForbiddenError) return new CrmcomError("FORBIDDEN", error.message);
  if (!(error instanceof ConflictError)) return undefined;
  if (error.code === "NOT_REJECTED" || error.code === "NOT_SETTLED") return new CrmcomError(error.code, error.message);
  if (error.code === "DEFINITION_DELETED") return new CrmcomError("NOT_FOUND", error.message);
  return new CrmcomError(error.code === "CONFLICT" ? "ALREADY_EXISTS" : "INVALID_VALUE", error.message);
}

const NAMES: Record<string, string> = { targetUrl: "url", fieldsSet: "fields_set", code: "alternative_code", condition: "conditions_set" };

const renamed = (message: string) => message.replace(/\b(targetUrl|fieldsSet|code|condition)\b(?=[:.])/g, (name) => NAMES[name] ?? name);

export function answerErrors(log: Log, withStatus: boolean) {
  return (error: unknown, _request: unknown, reply: FastifyReply): FastifyReply => {
    const known = crmcomError(error);
    if (known) {
      const status = TOKEN_ERRORS.has(known.code) ? 401 : withStatus ? (STATUS[known.code] ?? 400) : 200;
      return sendError(reply, known.code, known.message, status);
    }
    // Too large, the database away, a fault of ours: these have their HTTP status whatever the setting says.
    const problem = problemOf(error, log);
    reply.headers(problem.headers ?? {});
    const code = error instanceof HooklineError || problem.status < 500 ? problem.code : "INTERNAL_ERROR";
    return sendError(reply, code, problem.message, problem.status);
  };
}
