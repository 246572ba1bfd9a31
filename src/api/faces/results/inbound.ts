/**
 * `POST /inbound/goals/{goalId}/{key}`: public, the key in the URL is the credential.
 * Checks in the contract's order: TLS, 405, 429, 503, 404, 401, 403, 410, then the body: 415, 413, 400, 422/409.
 */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { isUnavailable } from "../../../db/unavailable.ts";
import { ConflictError, IdempotencyKeyReusedError, RateLimitedError, TimedOutError } from "../../../errors.ts";
import { DatumError } from "../../../goals/datum.ts";
import { createInbound, type Inbound, type Post, PROCESSING_MS, type Refusal, type Source } from "../../../goals/inbound.ts";
import { notePost } from "../../../inbound/posts.ts";
import { traceOfHeaders } from "../../../wire/trace-context.ts";
import type { Doors } from "../../doors.ts";
import { readBody } from "../../posted-body.ts";
import { targetOf } from "../../target.ts";
import { type ErrorBody, errorBody, guardHeaders, MESSAGES, quotaHeaders, rateHeaders, sendError } from "./answers.ts";
import { formatOf, readProperties } from "./body.ts";

/** From the first byte until the last: a little before the server itself would cut the socket, which knows no face. */
const BODY_MS = 29_800;
const PATH = /^\/inbound\/goals\/([^/?]+)\/([^/?]+)(?:\?|$)/;

/** Shorter deadlines are for tests. */
export interface Deadlines {
  bodyMs?: number;
  processingMs?: number;
}

export function inboundRoutes(doors: Doors, { bodyMs = BODY_MS, processingMs = PROCESSING_MS }: Deadlines = {}): FastifyPluginAsync {
  const { core } = doors;
  const inbound = createInbound(core, doors.ingest, processingMs);
  const tlsOnly = core.config.publicUrl?.startsWith("https:") ?? false;

  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    guardHeaders(reply);
    if (tlsOnly && request.protocol !== "https") return sendError(reply, errorBody(403));
    const match = PATH.exec(targetOf(request));
    if (!match) return sendError(reply, errorBody(404));
    if (request.method !== "POST") return sendError(reply, errorBody(405));
    const address = request.ip.replace(/^::ffff:(?=\d+\.)/, "");
    const post: Post = { goalId: decode(match[1]), key: decode(match[2]), address, trace: traceOfHeaders(request.headers) };
    const log: Log = {
      source: undefined,
      refused: (status, reason) => {
        if (log.source) void notePost(core, log.source, { outcome: "REFUSED", status, reason });
      },
      taken: (status, again) => {
        if (log.source) void notePost(core, log.source, { outcome: again ? "DUPLICATE" : "ACCEPTED", status });
      },
    };
    try {
      return await take(inbound, post, request, reply, bodyMs, log);
    } catch (error) {
      const limited = isUnavailable(error) ? inbound.rememberedGoal(post) : undefined;
      if (limited) rateHeaders(reply, limited);
      const body = limited ? errorBody(429) : bodyOf(error);
      if (body.status === 409) reply.header("retry-after", 1);
      if (error instanceof RateLimitedError) quotaHeaders(reply, error);
      // Never the URL: the key is in it.
      if (body.status === 500) request.log.error({ err: error, goalId: post.goalId }, "an inbound post failed");
      if (body.status < 500) log.refused(body.status, body.message);
      return sendError(reply, body);
    }
  };

  return async (app) => {
    // The body is read by us, after the key was checked, and with a deadline of its own.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, _payload, done) => done(null));
    // A wildcard: the router would answer 414 to a parameter over 100 characters, and a long wrong key is a wrong key.
    app.post("/inbound/*", handle);
    app.register(
      async (below) => {
        // Every other method.
        below.setNotFoundHandler(handle);
      },
      { prefix: "/inbound" },
    );
  };
}

/** Keeps what became of a post with the right key, for people to see; nobody waits for it. */
interface Log {
  /** Undefined until the key is known to be right. */
  source: Source | undefined;
  refused(status: number, reason: string): void;
  taken(status: number, again: boolean): void;
}

async function take(
  inbound: Inbound,
  post: Post,
  request: FastifyRequest,
  reply: FastifyReply,
  bodyMs: number,
  log: Log,
): Promise<FastifyReply> {
  const remembered = inbound.remembered(post);
  const admission = remembered ? ({ admitted: false, refusal: 429, rate: remembered } as const) : await inbound.admit(post);
  rateHeaders(reply, admission.rate);
  if (!admission.admitted) {
    const { source, refusal: status } = admission as {
      source?: Source;
      refusal: keyof typeof MESSAGES & (401 | 403 | 404 | 410 | 429);
    };
    log.source = source;
    if (status !== 429) log.refused(status, status === 403 ? "the webhook is switched off" : MESSAGES[status]);
    return sendError(reply, errorBody(status));
  }
  log.source = admission.source;
  const refuse = (status: 408 | 413 | 415 | Refusal) => {
    log.refused(status, MESSAGES[status]);
    return sendError(reply, errorBody(status));
  };

  const { headers } = request.raw;
  const length = headers["content-length"];
  const format = formatOf(headers, headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) > 0));
  if (!format) return refuse(415);
  const body = await readBody(request, admission.source.organizationId, bodyMs - reply.elapsedTime);
  if (typeof body === "string") {
    reply.header("connection", "close");
    return refuse(body === "TOO_LARGE" ? 413 : 408);
  }

  const sent = readProperties(format, body);
  const key = idempotencyKey(headers["idempotency-key"]);
  const recorded = await inbound.record(post, admission.target, sent, key === undefined ? undefined : { key, body });
  if ("refusal" in recorded) return refuse(recorded.refusal);
  log.taken(recorded.status, recorded.again ?? false);
  return reply.code(recorded.status).type("application/json; charset=utf-8").send(recorded.answer);
}

function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && /^[\x20-\x7e]{1,255}$/.test(header)) return header;
  throw new DatumError([
    { property: "Idempotency-Key", code: "invalid", message: "Idempotency-Key must be 1 to 255 visible ASCII characters" },
  ]);
}

function bodyOf(error: unknown): ErrorBody {
  if (error instanceof DatumError) return errorBody(400, { errors: error.problems });
  if (error instanceof IdempotencyKeyReusedError) return errorBody(422, { message: error.message });
  if (error instanceof ConflictError) return errorBody(409, { message: error.message });
  if (error instanceof TimedOutError) return errorBody(408);
  if (error instanceof RateLimitedError) return errorBody(429, { message: error.message });
  return errorBody(isUnavailable(error) ? 503 : 500);
}

function decode(part: string | undefined): string {
  try {
    return decodeURIComponent(part ?? "");
  } catch {
    return "";
  }
}
