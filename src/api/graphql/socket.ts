/**
 * `/graphql` over WebSocket: the graphql-transport-ws protocol, its close codes, and our limits.
 * 4400 a message that is none · 4401 before the acknowledgement, or the token is no longer good · 4403 no token or a wrong
 * one, or it allows something else now than when the socket opened · 4406 another protocol · 4408 no initialisation in time · 4409 an id twice · 4429 initialised twice · 1009 a message
 * over 1 MiB · 1013 too slow, or too many connections · 1001 we stop.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type ExecutionArgs, type ExecutionResult, type FormattedExecutionResult, GraphQLError, getOperationAST } from "graphql";
import { CloseCode, handleProtocols, makeServer } from "graphql-ws";
import { type RawData, type WebSocket, WebSocketServer } from "ws";
import { authenticate, type Credential, credentialsNow } from "../../accounts/authenticate.ts";
import { ForbiddenError, UnauthenticatedError } from "../../errors.ts";
import { MOST_RAW_NUMBERS, RawNumbersError, unveil, veil } from "../../wire/json-exact.ts";
import { withSources } from "../../wire/json-source.ts";
import { members, overBounds, saysOver } from "../../wire/json-text.ts";
import { createCors } from "../cors.ts";
import type { Doors } from "../doors.ts";
import { hasOneHost } from "../host.ts";
import { GRAPHQL_JSON, LIVE } from "../limits.ts";
import { type Ending, endingOf, type LiveConnections } from "../live-connections.ts";
import { problemText } from "../problem.ts";
import { pathOf } from "../routing.ts";
import { bearerOf, cookiesOf, foreignPage, GRAPHQL_DOOR, isOfSession, isOwnOrigin, SESSION_COOKIE, TAB_HEADER } from "../session.ts";
import type { Context } from "./context.ts";
import { createErrorMask } from "./errors.ts";
import { shown, textOf } from "./shown.ts";
import { createOperations, IdTakenError, type Operations, objectOf } from "./socket-operations.ts";
import { createSocketWriters, type SocketWriter } from "./socket-writer.ts";
import type { Yoga } from "./yoga.ts";

const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;

interface Extra {
  request: IncomingMessage;
  address: string | undefined;
  /** The upgrade was asked for by a page of ours: its cookie counts. */
  ownPage: boolean;
  writer: SocketWriter;
  operations: Operations;
  /** Aborted when the connection is over. */
  ended: AbortController;
  credential: Credential | undefined;
  token: string | undefined;
  place: { closed: () => void } | undefined;
}

interface Subscription extends Pick<Extra, "writer" | "operations"> {
  /** Ours. */
  id: string;
  /** It counts no more. */
  done: () => void;
}

export interface SocketDoor {
  /** Ends every connection with 1001 and takes no more. */
  close(): Promise<void>;
}

/** In GraphQL's form at its own path, else as problem+json. */
function refuseUpgrade(request: IncomingMessage, socket: Duplex, status: string, code: string, message: string): void {
  const graphql = pathOf({ url: request.url ?? "" }) === "/graphql";
  const body = graphql
    ? JSON.stringify({ errors: [{ message, extensions: { code } }] })
    : problemText({ status: Number(status.slice(0, 3)), code, message });
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/${graphql ? "json" : "problem+json"}; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nX-Content-Type-Options: nosniff\r\n\r\n${body}`,
  );
}

/** Of connectionParams, however the client spells its names. */
function authorizationOf(parameters: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const [given] = Object.entries(parameters ?? {}).filter(([name]) => name.toLowerCase() === "authorization");
  return typeof given?.[1] === "string" ? given[1] : undefined;
}

export function serveSockets(
  server: Server,
  doors: Doors,
  yoga: Yoga,
  live: LiveConnections,
  /** Puts what proxies say in order, too. */
  addressOf: (request: IncomingMessage) => string | undefined,
): SocketDoor {
  const { core } = doors;
  const mask = createErrorMask(core.log);
  const writerOf = createSocketWriters();
  const cors = createCors(core.config);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LIVE.messageBytes,
    handleProtocols: (offered) => handleProtocols(offered),
  });

  const contextOf = (extra: Extra): Context => ({
    doors,
    caller: extra.credential && { ...extra.credential.caller, address: extra.address },
    address: extra.address,
    cookies: undefined,
    signal: extra.ended.signal,
    closeSlow: extra.writer.closeSlow,
    blocked: () => extra.writer.blocked,
  });

  const protocol = makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: LIVE.initTimeoutMs,
    async onConnect({ connectionParams, extra }) {
      const given = authorizationOf(connectionParams);
      const cookie = extra.ownPage ? cookiesOf(extra.request.headers.cookie).get(SESSION_COOKIE) : undefined;
      const token = given === undefined ? cookie : (bearerOf(given) ?? given);
      const credential = token ? await authenticate(core, token, GRAPHQL_DOOR.kinds) : undefined;
      if (!credential || !token) return false;
      // Closed while it was looked up: a place that it took now would never be given back.
      if (extra.ended.signal.aborted) return false;
      const sent = Object.entries(connectionParams ?? {}).find(([name]) => name.toLowerCase() === TAB_HEADER)?.[1];
      if (given === undefined && !isOfSession(sent, token)) return false;
      Object.assign(extra, { credential, token });
      extra.place = live.open({ credential, token, end: (why) => end(extra, why) });
      if (extra.place) return true;
      extra.writer.close(TRY_AGAIN_LATER, "Too many connections");
      return false;
    },
    async onSubscribe(ctx, _id, payload) {
      const { open, running } = ctx.extra.operations;
      // What was given up is still worked at for a moment: half of all may be that.
      if (open > LIVE.subscriptionsPerConnection || running > 2 * LIVE.subscriptionsPerConnection) {
        return [
          new GraphQLError(`at most ${LIVE.subscriptionsPerConnection} subscriptions per connection`, {
            extensions: { code: "RATE_LIMITED" },
          }),
        ];
      }
      const { credential, token } = ctx.extra as { credential: Credential; token: string };
      // Past the cache: what is opened here may live for hours, and the news of a change may be late.
      const ending = await credentialsNow(core, [token]).then(
        (now) => endingOf(credential, now.get(token)),
        (error: unknown) => error as Error,
      );
      if (ending instanceof Error) return shown([mask(ending)]);
      // Judged by the rights of now: a socket whose rights have changed takes no more, its client comes back with the new ones.
      if (ending) {
        end(ctx.extra, ending);
        return shown([
          mask(ending === "GONE" ? new UnauthenticatedError() : new ForbiddenError("your rights have changed: connect again")),
        ]);
      }
      const variables = unveil(payload.variables);
      const enveloped = yoga.getEnveloped({ ...contextOf(ctx.extra), params: { ...payload, variables } } as never);
      try {
        const document = enveloped.parse(payload.query);
        const errors = enveloped.validate(enveloped.schema, document);
        if (errors.length > 0) return shown(errors as GraphQLError[]);
        // As over HTTP; graphql-ws's own answer has no code.
        if (!getOperationAST(document, payload.operationName)) {
          const message = "there is no such operation in the document, or there are several and `operationName` names none";
          return [new GraphQLError(message, { extensions: { code: "OPERATION_RESOLUTION_FAILURE" } })];
        }
        return {
          schema: enveloped.schema,
          document,
          operationName: payload.operationName,
          variableValues: variables,
          contextValue: await enveloped.contextFactory(),
          execute: enveloped.execute,
          subscribe: enveloped.subscribe,
        } as unknown as ExecutionArgs;
      } catch (error) {
        return shown([mask(error)]);
      }
    },
    execute: (args) => (args as unknown as { execute: (args: ExecutionArgs) => ExecutionResult }).execute(args),
    subscribe: (args) => (args as unknown as { subscribe: (args: ExecutionArgs) => ExecutionResult }).subscribe(args),
    async onOperation(ctx, id, _payload, _args, result) {
      if (!isStream(result)) return undefined;
      const { organizationId } = (ctx.extra.credential as Credential).caller;
      const full = await live.subscribe(organizationId);
      if (full) {
        void result.return?.(undefined as never);
        const extensions = { code: "RATE_LIMITED", retryAfterSeconds: full.resetSeconds };
        return { errors: [new GraphQLError("too many open subscriptions", { extensions })] };
      }
      const { writer, operations } = ctx.extra;
      return written(result, { id, writer, operations, done: () => live.unsubscribe(organizationId) });
    },
    onNext: (_ctx, _id, _payload, _args, result) =>
      (result.errors ? { ...result, errors: shown(result.errors).map((error) => error.toJSON()) } : undefined) as
        | FormattedExecutionResult
        | undefined,
    onError: (_ctx, _id, _payload, errors) => shown(errors as GraphQLError[]).map((error) => error.toJSON()),
  });

  /**
   * Writes what a subscription gives, as fast as its client takes it; graphql-ws is told its end alone. A result may go to
   * thousands: it is made into text once (shown.ts). What the source throws becomes a masked error, as over SSE.
   * No generator: one that was never started would not run its `finally` when it is returned.
   */
  function written(source: AsyncGenerator<ExecutionResult>, { id, writer, operations, done }: Subscription): AsyncGenerator<never> {
    let over = false;
    const ended = Promise.withResolvers<IteratorReturnResult<undefined>>();
    const end = () => {
      if (!over) done();
      over = true;
      ended.resolve({ done: true, value: undefined });
    };
    const write = (result: ExecutionResult) => {
      const name = operations.nameOf(id);
      return name === undefined ? undefined : writer.gather(`{"id":${name},"type":"next","payload":${textOf(result)}}`);
    };
    async function pull(): Promise<void> {
      try {
        while (!over) {
          const step = await source.next();
          if (step.done || over) break;
          const taken = write(step.value);
          if (taken) await taken;
        }
      } catch (error) {
        if (!over) await write({ errors: [mask(error)] });
      }
      end();
    }
    return {
      next() {
        void pull();
        // A source that is returned need not end what it was asked for before.
        return ended.promise;
      },
      return(value) {
        end();
        return source.return(value) as Promise<IteratorResult<never>>;
      },
      throw(error) {
        end();
        return source.throw(error) as Promise<IteratorResult<never>>;
      },
      [Symbol.asyncIterator]() {
        return this;
      },
      async [Symbol.asyncDispose]() {
        await this.return(undefined);
      },
    };
  }

  const end = ({ writer, ended }: Extra, why: Ending) => {
    if (why === "GONE") writer.close(CloseCode.Unauthorized, "Unauthorized");
    else writer.close(CloseCode.Forbidden, "Your rights have changed");
    // Nothing more is sent, also to a client that does not answer the close.
    ended.abort();
  };

  function opened(socket: WebSocket, raw: Duplex, { request, address, ownPage }: Pick<Extra, "request" | "address" | "ownPage">): void {
    const writer = writerOf(socket, raw);
    const operations = createOperations();
    const extra: Extra = {
      request,
      address,
      ownPage,
      writer,
      operations,
      ended: new AbortController(),
      credential: undefined,
      token: undefined,
      place: undefined,
    };
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: async (data) => {
          const text = operations.shown(data);
          if (text !== undefined) await writer.send(withSources(text));
        },
        close: writer.close,
        onMessage: (handle) => {
          socket.on("message", (data: RawData) => {
            if (extra.credential === undefined && (data as Buffer).length > LIVE.initMessageBytes)
              return refuseUnread(socket, data as Buffer);
            const text = String(data);
            const over = overBounds(text, GRAPHQL_JSON);
            if (over !== undefined) return socket.close(CloseCode.BadRequest, `a message ${saysOver(over, GRAPHQL_JSON)}`);
            const taken = async () => {
              const message = operations.taken(veiledMessage(text));
              try {
                await handle(message.text);
              } finally {
                message.ended?.();
              }
            };
            taken().catch((error: unknown) => {
              if (error instanceof IdTakenError) return socket.close(CloseCode.SubscriberAlreadyExists, error.message);
              if (error instanceof RawNumbersError) return socket.close(CloseCode.BadRequest, error.message);
              // Of the protocol itself, such as an unknown message type; or ours, which is logged.
              const message = (error as Error).message ?? "";
              if (!/Unexpected message/.test(message)) core.log.error({ err: error }, "a WebSocket message failed");
              return socket.close(/Unexpected message/.test(message) ? CloseCode.BadRequest : CloseCode.InternalServerError, "Bad message");
            });
          });
        },
      },
      extra,
    );
    let alive = true;
    const ping = setInterval(() => {
      if (!alive) socket.terminate();
      alive = false;
      socket.ping();
    }, LIVE.pingMs);
    socket.on("pong", () => (alive = true));
    socket.on("error", () => undefined);
    socket.once("close", (code, reason) => {
      clearInterval(ping);
      extra.ended.abort();
      extra.place?.closed();
      void closed(code, String(reason)).catch((error: unknown) => core.log.error({ err: error }, "a WebSocket did not close cleanly"));
    });
  }

  let closing = false;
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => undefined);
    if (closing) return refuseUpgrade(request, socket, "503 Service Unavailable", "UNAVAILABLE", "this process stops; connect again");
    if (!hasOneHost(request))
      return refuseUpgrade(request, socket, "400 Bad Request", "BAD_REQUEST", "exactly one Host header is required");
    if (pathOf({ url: request.url ?? "" }) !== "/graphql")
      return refuseUpgrade(request, socket, "404 Not Found", "NOT_FOUND", "WebSockets are taken at /graphql alone");
    const address = addressOf(request);
    const ownPage = isOwnOrigin(core, request.headers);
    // A page that is let in calls with a token; its browser sends our cookie all the same when both are of one site.
    if (!ownPage && !cors.allows(request.headers.origin) && cookiesOf(request.headers.cookie).has(SESSION_COOKIE)) {
      const { code, message } = foreignPage(core, request.headers, "a WebSocket with a session cookie");
      return refuseUpgrade(request, socket, "403 Forbidden", code, message);
    }
    sockets.handleUpgrade(request, socket, head, (ready) => opened(ready, socket, { request, address, ownPage }));
  });

  return {
    async close() {
      closing = true;
      for (const socket of sockets.clients) socket.close(GOING_AWAY, "Going away");
      for (let i = 0; i < 20 && sockets.clients.size > 0; i++) await sleep(50);
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}

/**
 * A message whose variables keep their numbers: graphql-ws parses it, so that those go through as marked strings. Nothing else
 * is marked, since all else may be sent back. What is broken stays as it is.
 */
function veiledMessage(text: string): string {
  if (!text.includes('"variables"')) return text;
  try {
    const message = members(text);
    const payload = message && members(message.get("payload") ?? "");
    const variables = payload?.get("variables");
    const veiled = variables === undefined ? undefined : veil(variables, MOST_RAW_NUMBERS);
    if (!message || !payload || veiled === undefined || veiled === variables) return text;
    return objectOf(new Map([...message, ["payload", objectOf(new Map([...payload, ["variables", veiled]]))]]));
  } catch (error) {
    if (error instanceof RawNumbersError) throw error;
    return text;
  }
}

function isStream(result: unknown): result is AsyncGenerator<ExecutionResult> {
  return typeof result === "object" && result !== null && Symbol.asyncIterator in result;
}

/** No token is that long: nothing of it is parsed for somebody unknown, and the answer is the one of a wrong token. */
function refuseUnread(socket: WebSocket, data: Buffer): void {
  if (data.subarray(0, 100).includes('"subscribe"')) socket.close(CloseCode.Unauthorized, "Unauthorized");
  else socket.close(CloseCode.Forbidden, `at most ${LIVE.initMessageBytes} bytes before the acknowledgement`);
}
