/**
 * Checks in this order: TLS, method, 429, 404, 403, then the body: 415, 413, 408, 401 over its bytes, 400, 422.
 * What is refused after its key was right stands in the webhook's log, without what was posted.
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Rate } from "../../../accounts/rate-limit.ts";
import { TimedOutError, TooLargeError } from "../../../errors.ts";
import { notePost } from "../../../inbound/posts.ts";
import { type Address, createSources, type Received, type Source, type Sources } from "../../../inbound/receive.ts";
import { globalId } from "../../../wire/ids.ts";
import type { Doors } from "../../doors.ts";
import { BODY_LIMIT, readBody } from "../../posted-body.ts";
import { kindOf, payloadOf } from "../../posted-payload.ts";
import { isPreflight, NO_OTHER_ORIGINS } from "../../preflight.ts";
import { type Problem, problemJson, problemOf, rateLimitHeaders } from "../../problem.ts";
import { targetOf } from "../../target.ts";
import { METHODS, REFUSES } from "../face.ts";
import { answerHandshake, asksForHandshake } from "./handshake.ts";

/** From the first byte until the last: a little before the server itself would cut the socket. */
const BODY_MS = 29_800;
const PATH = /^\/inbound\/events\/([^/?]+)\/([^/?]+)(?:\?|$)/;
const ALLOW = "POST, OPTIONS";

/** What the sender is told; why, the owner reads in the log. */
const TOLD = {
  401: "Unauthorized",
  403: "access is not allowed",
  404: "there is no such inbound webhook",
  422: "the transformation of this inbound webhook failed; its owner finds why in its log of posts",
  429: "too many requests; wait as long as Retry-After says",
} as const;

/** The secret is in the path: nobody may cache it or pass it on. */
export function guardHeaders(reply: FastifyReply): void {
  reply.headers({ "cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff" });
}

function rateHeaders(reply: FastifyReply, { limit, remaining, resetSeconds, exceeded }: Rate): void {
  reply.headers({
    "ratelimit-policy": `${limit.count};w=${limit.seconds}`,
    ...rateLimitHeaders({ limit: limit.count, remaining, resetSeconds }),
  });
  if (exceeded) reply.header("retry-after", resetSeconds);
}

const CODES = { 401: "UNAUTHENTICATED", 403: "FORBIDDEN", 404: "NOT_FOUND", 422: "TRANSFORMATION_FAILED", 429: "RATE_LIMITED" } as const;
const problem = (status: keyof typeof TOLD): Problem => ({ status, code: CODES[status], message: TOLD[status] });

const json = (reply: FastifyReply, status: number, body: object) =>
  reply.code(status).type("application/json; charset=utf-8").send(JSON.stringify(body));

export function inboundEventRoutes(doors: Doors): FastifyPluginAsync {
  const { core } = doors;
  const sources = createSources(core, doors.ingest, doors.sandbox);
  const tlsOnly = core.config.publicUrl?.startsWith("https:") ?? false;

  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    guardHeaders(reply);
    if (tlsOnly && request.protocol !== "https") return problemJson(reply, problem(403));
    const match = PATH.exec(targetOf(request));
    if (!match) return problemJson(reply, problem(404));
    const address = request.ip.replace(/^::ffff:(?=\d+\.)/, "");
    const post: Address = { id: decode(match[1]), key: decode(match[2]), address };
    const remembered = sources.remembered(address);
    const admission = remembered ? ({ admitted: false, refusal: 429, rate: remembered } as const) : await sources.admit(post);
    rateHeaders(reply, admission.rate);
    if (!admission.admitted) {
      const { refusal: status } = admission;
      const source = "source" in admission ? admission.source : undefined;
      if (source) await notePost(core, source, { outcome: "REFUSED", status, reason: "the webhook is switched off" });
      return problemJson(reply, problem(status));
    }
    if (request.method === "OPTIONS") return answerHandshake(request, reply, core.config.inboundEventLimit);
    try {
      return await answer(doors, reply, admission.source, await take(sources, post, request, reply, admission.source));
    } catch (error) {
      const told = problemOf(error, core.log);
      if (told.status < 500 && told.status !== 429)
        await notePost(core, admission.source, { outcome: "REFUSED", status: told.status, reason: told.message });
      if (told.status === 429) reply.removeHeader("ratelimit-policy");
      return problemJson(told.status === 408 ? reply.header("connection", "close") : reply, told);
    }
  };

  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    guardHeaders(reply);
    const message = isPreflight(request) ? NO_OTHER_ORIGINS : "only POST here, and OPTIONS with WebHook-Request-Origin";
    return problemJson(reply, { status: 405, code: "METHOD_NOT_ALLOWED", message, headers: { allow: ALLOW } });
  };

  return async (app) => {
    // The body is read by us, after the key was checked, and with a deadline of its own.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    // A wildcard: the router would answer 414 to a parameter over 100 characters, and a long wrong key is a wrong key.
    app.post("/inbound/events/*", handle);
    app.options("/inbound/events/*", (request, reply) => (asksForHandshake(request) ? handle(request, reply) : refuse(request, reply)));
    app.route({
      method: METHODS.filter((method) => method !== "POST" && method !== "OPTIONS"),
      url: "/inbound/events/*",
      config: REFUSES,
      handler: refuse,
    });
  };
}

/** @throws UnsupportedMediaTypeError UnreadableBodyError TooLargeError TimedOutError, and what Sources.receive throws */
async function take(sources: Sources, post: Address, request: FastifyRequest, reply: FastifyReply, source: Source): Promise<Received> {
  const { headers } = request.raw;
  kindOf(headers);
  const isTooLarge = Number(headers["content-length"] ?? 0) > BODY_LIMIT;
  const body = isTooLarge ? "TOO_LARGE" : await readBody(request, source.organizationId, BODY_MS - reply.elapsedTime);
  if (body === "TOO_LARGE") throw new TooLargeError("the body is larger than 256 KiB");
  if (typeof body === "string") throw new TimedOutError();
  return sources.receive(post, source, { headers, body }, () => payloadOf(headers, body));
}

async function answer({ core }: Doors, reply: FastifyReply, source: Source, received: Received): Promise<FastifyReply> {
  if (received.outcome === "REFUSED") {
    const { status, code, reason } = received;
    await notePost(core, source, { outcome: "REFUSED", status, reason });
    return problemJson(reply, status === 400 ? { status, code, message: reason } : problem(status));
  }
  if (received.outcome === "CHALLENGE") {
    await notePost(core, source, { outcome: "CHALLENGE", status: 200 });
    return json(reply, 200, { challenge: received.challenge });
  }
  const eventId = received.outcome === "SKIPPED" ? null : received.eventId;
  await notePost(core, source, { outcome: received.outcome, status: 202, eventId });
  return json(reply, 202, { id: eventId === null ? null : globalId("Event", eventId) });
}

function decode(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return "";
  }
}
