/** What RESULTS.com's face says when something is wrong: one body for every row of its table. */
import type { FastifyReply } from "fastify";
import type { Rate } from "../../../accounts/rate-limit.ts";
import type { RateLimitedError } from "../../../errors.ts";
import type { Problem } from "../../../goals/datum.ts";
import { type ErrorForm, rateLimitHeaders } from "../../problem.ts";
import type { Words } from "../words.ts";

const NAMES = {
  400: "BAD REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  404: "NOT FOUND",
  405: "METHOD NOT ALLOWED",
  408: "REQUEST TIMEOUT",
  409: "CONFLICT",
  410: "GONE",
  413: "PAYLOAD TOO LARGE",
  414: "URI TOO LONG",
  415: "UNSUPPORTED MEDIA TYPE",
  422: "UNPROCESSABLE ENTITY",
  429: "TOO MANY REQUESTS",
  500: "INTERNAL SERVER ERROR",
  503: "SERVICE UNAVAILABLE",
} as const;

export type ErrorStatus = keyof typeof NAMES;

/** 404 and 403 say the same whatever the reason: a caller must learn nothing from the wording. */
export const MESSAGES = {
  401: "the key in the URL is not valid for this goal",
  403: "access is not allowed",
  404: "the goal was not found",
  405: "only POST is supported here",
  408: "the request took too long and was given up; nothing was recorded, send it again",
  410: "the goal was deleted and takes no new data",
  413: "the body is larger than 256 KiB",
  415: "send application/json or application/x-www-form-urlencoded, in UTF-8 and without a Content-Encoding",
  429: "too many requests; wait as long as Retry-After says",
  500: "something went wrong on our side",
  503: "temporarily not available; try again later",
} as const;

export interface ErrorBody {
  status: ErrorStatus;
  error: string;
  message: string;
  errors: readonly Problem[];
}

/** @param told more of what went wrong than the status says */
export function errorBody(status: ErrorStatus, told?: { message?: string; errors?: readonly Problem[] }): ErrorBody {
  const errors = told?.errors ?? [];
  const message =
    told?.message ?? (errors.length > 0 ? errors.map((each) => each.message).join("; ") : (MESSAGES as Record<number, string>)[status]);
  return { status, error: NAMES[status], message: message ?? NAMES[status], errors };
}

/** The secret is in the path: nobody may cache it or pass it on. */
export function guardHeaders(reply: FastifyReply): void {
  reply.headers({ "cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff" });
}

export function rateHeaders(reply: FastifyReply, { limit, remaining, resetSeconds, exceeded }: Rate): void {
  reply.headers({
    "ratelimit-policy": `${limit.count};w=${limit.seconds}`,
    ...rateLimitHeaders({ limit: limit.count, remaining, resetSeconds }),
  });
  if (exceeded) reply.header("retry-after", resetSeconds);
}

/** Of the organization's quota, in place of its goal's rate. */
export function quotaHeaders(reply: FastifyReply, { retryAfterSeconds, left }: RateLimitedError): void {
  reply.header("retry-after", retryAfterSeconds);
  if (!left) return;
  reply.removeHeader("ratelimit-policy");
  reply.headers(rateLimitHeaders(left));
}

export function sendError(reply: FastifyReply, body: ErrorBody): FastifyReply {
  if (body.status === 405 && !reply.hasHeader("allow")) reply.header("allow", "POST");
  if (body.status === 503 && !reply.hasHeader("retry-after")) reply.header("retry-after", 2);
  return reply.code(body.status).type("application/json; charset=utf-8").send(JSON.stringify(body));
}

/** A missing property has a code of its own. */
export const REQUIRED = "is required";

export const words: Words = {
  bodies: {
    JSON: () => "the body is no valid JSON",
    UTF8: () => "the body is not UTF-8 text",
    DEPTH: (message) => `the body ${message}`,
    SIZE: (message) => `the body ${message}`,
    CONTENT: (message) => `the body ${message}`,
  },
};

/** The contract's error body for what other doors say as problem+json. */
export const resultsError: ErrorForm = (reply, { status, message, issues, headers }) => {
  const errors = issues?.map(({ path, message: text }): Problem => {
    const code = path === "" ? "malformed_json" : text === REQUIRED ? "required" : "invalid";
    return { property: path, code, message: text };
  });
  return sendError(reply.headers(headers ?? {}), errorBody(status as ErrorStatus, { message, errors: errors ?? [] }));
};
