/** `/graphql` over HTTP: GraphiQL for browsers, queries by GET, everything by POST, subscriptions by SSE. */

import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { GraphQLError, Kind, OperationTypeNode, parse } from "graphql";
import { isAsyncIterable } from "graphql-yoga";
import type { Credential } from "../../accounts/authenticate.ts";
import { ForbiddenError, type QuotaLeft, UnauthenticatedError } from "../../errors.ts";
import { isRawNumber, MOST_RAW_NUMBERS, parseJson, RawNumbersError } from "../../wire/json-exact.ts";
import { overBounds, saysOver } from "../../wire/json-text.ts";
import { ownedBy } from "../arriving.ts";
import { isEncoded } from "../body.ts";
import type { Doors } from "../doors.ts";
import { GRAPHQL, GRAPHQL_JSON, LIVE } from "../limits.ts";
import { type LiveConnections, tooMany } from "../live-connections.ts";
import { type ErrorForm, problemOf, rateLimitHeaders } from "../problem.ts";
import {
  askedFirst,
  bearerOf,
  type Door,
  demandXsrf,
  GRAPHQL_DOOR,
  identify,
  isOfSession,
  PORTAL_DOOR,
  portalCookies,
  type Signed,
  sessionCookies,
  sessionOf,
  TAB_HEADER,
} from "../session.ts";
import { answerType, EVENT_STREAM } from "./accept.ts";
import { sendStream } from "./answer.ts";
import type { Context } from "./context.ts";
import { createErrorMask } from "./errors.ts";
import { sendGraphiql } from "./graphiql.ts";
import { nestingLimit } from "./limits.ts";
import { answerOf, type GraphQLParameters, runOperation } from "./operation.ts";
import { scanOperation } from "./scan-operation.ts";
import type { Yoga } from "./yoga.ts";

const NOT_ACCEPTABLE =
  "answers are application/json or application/graphql-response+json, subscriptions text/event-stream: name one of them in Accept";
const OTHER_SESSION = "X-Hookline-Session is another session's than the cookie: somebody else has signed in since; reload the page";
const UNREADABLE = "UNSUPPORTED_MEDIA_TYPE";
const utf8 = new TextDecoder("utf-8", { fatal: true });
const KEYS = new Set(["query", "variables", "operationName", "extensions"]);

/** Errors of this door outside of any operation. */
export const graphqlErrors: ErrorForm = (reply, { status, code, message, headers = {} }) => {
  const wait = headers["retry-after"];
  const extensions = { code, ...(wait !== undefined && { retryAfterSeconds: Number(wait) }) };
  return reply
    .code(status)
    .headers(headers)
    .type("application/json; charset=utf-8")
    .send(JSON.stringify({ errors: [new GraphQLError(message, { extensions })] }));
};

class BadRequest extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, message: string, code = "BAD_REQUEST") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** A JSON body that is no operation, whoever sends it. */
class NoOperation extends BadRequest {
  constructor(message: string) {
    super(400, message);
  }
}

/**
 * The body is an object of known keys: some servers take one with `status` and `headers` for a response.
 * @param isKnown whether the caller is
 */
function parametersOf(request: FastifyRequest, isKnown: boolean): GraphQLParameters {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json")
    throw new BadRequest(
      415,
      'send the operation as JSON, {"query": "…", "variables": {…}}, with Content-Type: application/json',
      UNREADABLE,
    );
  if (isEncoded(request.headers)) throw new BadRequest(415, "send the body without a Content-Encoding", UNREADABLE);
  const scanned = isKnown ? scanOperation(request.body as Buffer) : undefined;
  if (scanned !== undefined) return scanned;
  let text: string;
  try {
    text = utf8.decode(request.body as Buffer);
  } catch {
    throw new BadRequest(400, "the body is no valid UTF-8");
  }
  if (text.trim() === "") throw new BadRequest(400, 'the body is empty: send {"query": "…", "variables": {…}}');
  const bounds = { ...GRAPHQL_JSON, ...(isKnown ? {} : { depth: GRAPHQL.anonymousJsonDepth }) };
  const over = overBounds(text, bounds);
  if (over !== undefined) throw new NoOperation(`the body ${saysOver(over, bounds)}`);
  const body = jsonOf(text, "the body");
  if (Array.isArray(body)) throw new NoOperation("batches are not taken: send each operation in a request of its own, as a JSON object");
  if (typeof body !== "object" || body === null) throw new NoOperation('the body must be a JSON object: {"query": "…", "variables": {…}}');
  const stranger = Object.keys(body).find((key) => !KEYS.has(key));
  if (stranger !== undefined) throw new NoOperation("the body may hold only query, variables, operationName and extensions");
  return body as GraphQLParameters;
}

/** Without loss. @throws BadRequest */
function jsonOf(text: string, what: string): unknown {
  try {
    return parseJson(text, MOST_RAW_NUMBERS);
  } catch (error) {
    throw new BadRequest(400, error instanceof RawNumbersError ? `${what} holds ${error.message}` : `${what} is no JSON`);
  }
}

/** signIn, alone, is what somebody without a token may ask. */
function isSignIn(parameters: GraphQLParameters | undefined): boolean {
  if (typeof parameters?.query !== "string" || parameters.query.length > GRAPHQL.anonymousCharacters) return false;
  if (nestingLimit(parameters.query)) return false;
  try {
    const { definitions } = parse(parameters.query, { maxTokens: GRAPHQL.tokens, noLocation: true });
    return definitions.every(
      (definition) =>
        definition.kind === Kind.FRAGMENT_DEFINITION ||
        (definition.kind === Kind.OPERATION_DEFINITION &&
          definition.operation === OperationTypeNode.MUTATION &&
          definition.selectionSet.selections.every((node) => node.kind === Kind.FIELD && node.name.value === "signIn")),
    );
  } catch {
    return false;
  }
}

/** The text of an operation that may write; one that only speaks of it costs nobody anything. */
const WRITES = /\bmutation\b/;
/** The same of one that may subscribe. Many clients accept a stream for whatever they ask. */
const SUBSCRIBES = /\bsubscription\b/;

function wantsPage(request: FastifyRequest): boolean {
  const query = request.query as Record<string, unknown>;
  return request.method === "GET" && query["query"] === undefined && (request.headers.accept?.includes("text/html") ?? false);
}

export function graphqlRoutes(doors: Doors, yoga: Yoga, live: LiveConnections): FastifyPluginAsync {
  const { core } = doors;
  const mask = createErrorMask(core.log);

  async function handle(request: FastifyRequest, reply: FastifyReply, door: Door, signed: Signed): Promise<unknown> {
    if (asksForPage(request, door)) return sendGraphiql(request, reply);
    const { method, ip: address } = request;
    const { accept } = request.headers;
    const { credential, cookie } = signed;
    const sent = method === "POST" ? bodyOf(request, credential) : undefined;
    if (!credential && !isSignIn(sent)) throw new UnauthenticatedError();
    const portal = credential?.caller.portal !== undefined;
    // A WebSocket is no way round it: its door takes no cookie of a portal.
    if (credential && cookie) {
      const token = sessionOf(request.headers.cookie, door) as string;
      if (portal && WRITES.test(sent?.query ?? "")) demandXsrf(request.headers, token);
      if (!isOfSession(request.headers[TAB_HEADER], token)) throw new ForbiddenError(OTHER_SESSION);
    }
    const type = answerType(accept);
    if (type === undefined) throw new BadRequest(406, NOT_ACCEPTABLE, "NOT_ACCEPTABLE");
    const parameters = sent ?? parametersOfUrl(request.query as Record<string, unknown>);

    const ended = new AbortController();
    const gone = () => ended.abort();
    request.raw.socket.once("close", gone);
    // A credential that ends, ends its streams. A mutation is answered all the same: signOut itself ends its session, and
    // browsers accept streams for every operation.
    let [streaming, revoked] = [false, false];
    const end = () => {
      revoked = true;
      if (streaming) ended.abort();
    };
    let place: { closed: () => void } | undefined;
    let where = (): string | undefined => undefined;
    const context: Context = {
      doors,
      caller: credential?.caller,
      address,
      cookies: {
        set: (token: string, expiresAt: Date) => void reply.header("set-cookie", sessionCookies(core, token, expiresAt)),
        clear: () => void reply.header("set-cookie", portal ? portalCookies(core, undefined) : sessionCookies(core, undefined)),
      },
      signal: ended.signal,
      closeSlow: () => void request.raw.socket.destroy(),
      blocked: () => reply.raw.writableNeedDrain,
      lastEventId: lastEventIdOf(request),
      opened: (current) => {
        where = current;
      },
    };
    try {
      const early =
        credential && isLive(request) && SUBSCRIBES.test(parameters.query ?? "")
          ? await openPlace(request, credential, end, door)
          : undefined;
      if (early && "limit" in early) return full(reply, early);
      place = early;
      const result = await runOperation(yoga, context, { parameters, method, accept }, mask);
      if (!isAsyncIterable(result)) {
        const { status, headers, body } = answerOf(result, type);
        return await reply.code(status).headers(headers).send(body);
      }
      const source = result[Symbol.asyncIterator]();
      // Who takes anything (Accept: */*) is streamed to as well, and counts like the others.
      const late = place ?? (credential && (await openPlace(request, credential, end, door)));
      if (late && "limit" in late) {
        await source.return?.();
        return full(reply, late);
      }
      place = late;
      streaming = true;
      if (revoked) ended.abort();
      await sendStream(reply, { source, place: where, signal: ended.signal, mask });
      return reply;
    } finally {
      request.raw.socket.off("close", gone);
      place?.closed();
    }
  }

  const asksForPage = (request: FastifyRequest, door: Door) => core.config.graphiql && door === GRAPHQL_DOOR && wantsPage(request);

  async function signedBy(request: FastifyRequest, door: Door): Promise<Signed> {
    if (asksForPage(request, door)) return { credential: undefined, cookie: false };
    const signed = await identify(core, request.headers, request.ip, request.method, door);
    if (signed.credential) ownedBy(request, signed.credential.caller.organizationId);
    else if (Number(request.headers["content-length"] ?? 0) > GRAPHQL.anonymousBytes) throw new UnauthenticatedError();
    return signed;
  }

  async function openPlace(
    request: FastifyRequest,
    credential: Credential,
    end: () => void,
    door: Door,
  ): Promise<{ closed: () => void } | QuotaLeft> {
    const { organizationId } = credential.caller;
    const token = bearerOf(request.headers.authorization) ?? sessionOf(request.headers.cookie, door) ?? "";
    const connection = live.open({ credential, token, end });
    if (!connection) return tooMany(LIVE.connectionsPerOrganization);
    const full = await live.subscribe(organizationId);
    if (full) {
      connection.closed();
      return full;
    }
    return {
      closed() {
        connection.closed();
        live.unsubscribe(organizationId);
      },
    };
  }

  return async (app) => {
    app.setErrorHandler((error, _request, reply) => {
      if (error instanceof BadRequest) return graphqlErrors(reply, error);
      return graphqlErrors(reply, problemOf(error, core.log));
    });
    const at = (url: string, door: Door) => {
      const sender = askedFirst((request) => signedBy(request, door));
      app.route({
        ...{ method: ["GET", "POST"], url, bodyLimit: GRAPHQL.bodyBytes, exposeHeadRoute: false, onRequest: sender.onRequest },
        handler: async (request, reply) => handle(request, reply, door, await sender.of(request, reply)),
      });
    };
    at("/graphql", GRAPHQL_DOOR);
    at("/portal/graphql", PORTAL_DOOR);
  };
}

/** Somebody without a token is told that first, unless the body is no operation whoever sends it. */
function bodyOf(request: FastifyRequest, credential: Credential | undefined): GraphQLParameters | undefined {
  if (!credential && ((request.body as Buffer | undefined)?.length ?? 0) > GRAPHQL.anonymousBytes) return undefined;
  try {
    return parametersOf(request, credential !== undefined);
  } catch (error) {
    if (credential || error instanceof NoOperation) throw error;
    return undefined;
  }
}

/** Of the URL of a GET. */
function parametersOfUrl(query: Record<string, unknown>): GraphQLParameters {
  const object = (name: "variables" | "extensions"): Record<string, unknown> | undefined => {
    const text = query[name];
    if (text === undefined || text === "") return undefined;
    const over = overBounds(String(text), GRAPHQL_JSON);
    if (over !== undefined) throw new BadRequest(400, `${name} ${saysOver(over, GRAPHQL_JSON)}`);
    const value = jsonOf(String(text), name);
    if (typeof value !== "object" || Array.isArray(value) || isRawNumber(value)) throw new BadRequest(400, `${name} must be a JSON object`);
    return value as Record<string, unknown>;
  };
  const [variables, extensions] = [object("variables"), object("extensions")];
  return {
    ...(query["query"] === undefined ? {} : { query: query["query"] as string }),
    ...(query["operationName"] ? { operationName: query["operationName"] as string } : {}),
    ...(variables ? { variables } : {}),
    ...(extensions ? { extensions } : {}),
  };
}

function full(reply: FastifyReply, left: QuotaLeft) {
  return graphqlErrors(reply, {
    status: 429,
    code: "RATE_LIMITED",
    message: "too many open subscriptions",
    headers: { "retry-after": String(left.resetSeconds), ...rateLimitHeaders(left) },
  });
}

function isLive(request: FastifyRequest): boolean {
  return request.headers.accept?.includes(EVENT_STREAM) ?? false;
}

/** An empty one is none, as in the HTML standard. */
function lastEventIdOf(request: FastifyRequest): string | undefined {
  const id = request.headers["last-event-id"];
  return id === undefined || id === "" ? undefined : String(id);
}
