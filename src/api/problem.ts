/** How doors that are no GraphQL say what went wrong: application/problem+json, or their product's own form. */
import type { FastifyReply } from "fastify";
import { toldOf } from "../db/unavailable.ts";
import {
  HooklineError,
  type Issue,
  type QuotaLeft,
  RateLimitedError,
  TooLargeError,
  UnavailableError,
  ValidationError,
} from "../errors.ts";
import type { Log } from "../observe/log.ts";

export interface Problem {
  status: number;
  code: string;
  message: string;
  issues?: readonly Issue[];
  headers?: Record<string, string>;
}

/** Writes a problem in the form of a face. */
export type ErrorForm = (reply: FastifyReply, problem: Problem) => FastifyReply;

const TITLES: Record<number, string> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** RFC 9457. */
export const problemText = ({ status, code, message, issues }: Problem): string =>
  JSON.stringify({
    type: "about:blank",
    title: TITLES[status] ?? "Error",
    status,
    detail: message,
    code,
    ...(issues ? { issues } : {}),
  });

export const problemJson: ErrorForm = (reply, problem) =>
  reply
    .code(problem.status)
    .headers(problem.headers ?? {})
    .type("application/problem+json; charset=utf-8")
    .send(problemText(problem));

/** What Fastify itself refuses, by its code. */
const FASTIFY: Record<string, { status: number; code: string; message: string }> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { status: 415, code: "UNSUPPORTED_MEDIA_TYPE", message: "send this body as application/json" },
  FST_ERR_BAD_URL: { status: 400, code: "BAD_REQUEST", message: "the path is not well percent-encoded" },
};

/** Of a quota that is used up. */
export const rateLimitHeaders = ({ limit, remaining, resetSeconds }: QuotaLeft) => ({
  "ratelimit-limit": String(limit),
  "ratelimit-remaining": String(remaining),
  "ratelimit-reset": String(resetSeconds),
});

/** Users' mistakes keep their words; what is our fault is logged, and told only in general. */
export function problemOf(error: unknown, log: Log): Problem {
  const fastify = FASTIFY[(error as { code?: string } | null)?.code ?? ""];
  if (fastify) return fastify;
  const refused = (error as { code?: string; statusCode?: number } | null)?.statusCode ?? 500;
  if (String((error as { code?: string } | null)?.code).startsWith("FST_") && refused < 500)
    return { status: refused, code: "BAD_REQUEST", message: TITLES[refused]?.toLowerCase() ?? "this cannot be read" };
  // What was said already keeps its words, also when something unavailable is its cause.
  const known = toldOf(error);
  if (!(known instanceof HooklineError)) {
    log.error({ err: error }, "a route failed");
    return { status: 500, code: "INTERNAL_SERVER_ERROR", message: "something went wrong on our side" };
  }
  const wait = known instanceof RateLimitedError || known instanceof UnavailableError ? known.retryAfterSeconds : undefined;
  return {
    status: known.status,
    code: known.code,
    message: known.message,
    ...(known instanceof ValidationError ? { issues: known.issues } : {}),
    headers: {
      ...(wait !== undefined ? { "retry-after": String(wait) } : {}),
      ...(known instanceof RateLimitedError && known.left ? rateLimitHeaders(known.left) : {}),
      ...(known.status === 401 ? { "www-authenticate": "Bearer" } : {}),
      // A body too large was not read to its end.
      ...(known instanceof TooLargeError ? { connection: "close" } : {}),
    },
  };
}
