/** SuperOffice's error body: `{"Error":true,"ErrorType","ErrorMessage","ErrorSource"}`, always JSON. */
import type { FastifyReply } from "fastify";
import { isUnavailable } from "../../../db/unavailable.ts";
import { HooklineError, RateLimitedError, UnavailableError, ValidationError } from "../../../errors.ts";
import type { Log } from "../../../observe/log.ts";
import { told } from "../../../text.ts";
import { type ErrorForm, rateLimitHeaders } from "../../problem.ts";

/** What only this face says: a failed save test, a test operation that does not hold, a precondition … */
export class FaceError extends Error {
  readonly status: number;
  readonly type: string;
  constructor(status: number, message: string, type = typeOf(status)) {
    super(told(message));
    this.name = "FaceError";
    this.status = status;
    this.type = type;
  }
}

/** SoNotFoundException is the vendor's; the others are ours in its manner. */
const TYPES: Readonly<Record<number, string>> = {
  400: "SoArgumentException",
  401: "SoNotAuthenticatedException",
  403: "SoAccessDeniedException",
  404: "SoNotFoundException",
  405: "SoMethodNotAllowedException",
  409: "SoConflictException",
  412: "SoPreconditionFailedException",
  413: "SoRequestTooLargeException",
  415: "SoUnsupportedMediaTypeException",
  429: "SoRateLimitException",
  503: "SoServiceUnavailableException",
};
const typeOf = (status: number) => TYPES[status] ?? "SoServerException";

/** A saved webhook's target must answer. */
export const saveTestFailed = (message: string) => new FaceError(400, message, "SoWebhookException");

/** Our names of what this face calls otherwise. */
const FIELDS: Readonly<Record<string, string>> = {
  ...{ name: "Name", description: "Description", targetUrl: "TargetUrl", eventTypes: "Events", headers: "Headers" },
  ...{ properties: "Properties", errorsEmail: "ErrorsEmail", signingSecret: "Secret", scriptId: "TargetUrl", type: "eventName" },
};

function inFaceWords(error: ValidationError): string {
  return error.issues
    .map(({ path, message }) => {
      const [first = "", ...rest] = path.replace(/^events\.0\./, "").split(".");
      return path === "" ? message : `${[FIELDS[first] ?? first, ...rest].join(".")} ${message}`;
    })
    .join("; ");
}

function send(reply: FastifyReply, status: number, type: string, message: string): FastifyReply {
  const body = { Error: true, ErrorType: type, ErrorMessage: message, ErrorSource: "Hookline" };
  return reply.code(status).type("application/json; charset=utf-8").send(JSON.stringify(body));
}

/** What no route of this face answers. */
export const superofficeError: ErrorForm = (reply, { status, message, headers }) =>
  send(reply.headers(headers ?? {}), status, typeOf(status), message);

export function sendError(reply: FastifyReply, given: unknown, log: Log): FastifyReply {
  const error = isUnavailable(given) ? new UnavailableError({ cause: given }) : given;
  if (error instanceof FaceError) return send(reply, error.status, error.type, error.message);
  if (error instanceof HooklineError) {
    if (error.status === 401) reply.header("www-authenticate", 'Basic realm="SuperOffice", charset="UTF-8"');
    const wait = (error as { retryAfterSeconds?: number }).retryAfterSeconds;
    if (wait !== undefined) reply.header("retry-after", wait);
    if (error instanceof RateLimitedError && error.left) reply.headers(rateLimitHeaders(error.left));
    return send(reply, error.status, typeOf(error.status), error instanceof ValidationError ? inFaceWords(error) : error.message);
  }
  const { statusCode, message } = error as { statusCode?: number; message?: string };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return send(reply, statusCode, typeOf(statusCode), message ?? "");
  log.error({ err: error }, "a call of the SuperOffice face failed");
  return send(reply, 500, typeOf(500), "something went wrong on our side");
}
