/** The HTTP server: every door in one Fastify, with the limits of SECURITY.md. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { Core } from "../core.ts";
import { createAddressOf } from "./address.ts";
import { limitOpenCalls } from "./admission.ts";
import { takeBodies } from "./arriving.ts";
import { compressAnswers } from "./compression.ts";
import { openToPages } from "./cors.ts";
import type { Dashboard } from "./dashboard.ts";
import type { Doors } from "./doors.ts";
import { mountFaces, rewritten } from "./faces/faces.ts";
import { createForwarded, type Settle } from "./forwarded.ts";
import { graphqlRoutes } from "./graphql/http.ts";
import { serveSockets } from "./graphql/socket.ts";
import { createYogaDoor } from "./graphql/yoga.ts";
import { hasOneHost } from "./host.ts";
import { watchLeaving } from "./leaving.ts";
import { HTTP } from "./limits.ts";
import { createLiveConnections } from "./live-connections.ts";
import { problemOf, problemText } from "./problem.ts";
import { guardReplies } from "./replies.ts";
import { auditRoutes } from "./rest/audit.ts";
import { eventRoutes } from "./rest/events.ts";
import { exportRoutes } from "./rest/export.ts";
import { healthRoutes } from "./rest/health.ts";
import { metricsRoutes } from "./rest/metrics.ts";
import { oidcRoutes } from "./rest/oidc.ts";
import { openApiRoutes } from "./rest/openapi.ts";
import { signInRoutes } from "./rest/sign-in.ts";
import { answerUnknown, formOf, pathOf, type Route, watchRoutes } from "./routing.ts";

export interface ServerOptions {
  dashboard?: Dashboard | undefined;
}

export interface Server {
  /** On the configured host and port (0: any free one). */
  listen(): Promise<{ port: number }>;
  /** The same without a socket. */
  fetch(request: Request): Promise<Response>;
  /** All that is answered by a route of its own. */
  routes(): readonly Route[];
  /** /readyz answers 503 from now on; everything else goes on. */
  beginDrain(): void;
  /** Takes no more connections, ends subscriptions, lets running requests end. */
  close(): Promise<void>;
}

/** How often a closing server cuts the connections that nobody waits on, in milliseconds. */
const LEAVE_MS = 5_000;

/** What the parser refuses never becomes a request: answered on the bare socket, which is closed. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const [status, code] =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? ["408 Request Timeout", "REQUEST_TIMEOUT"]
      : error.code === "HPE_HEADER_OVERFLOW"
        ? ["431 Request Header Fields Too Large", "HEAD_TOO_LARGE"]
        : ["400 Bad Request", "BAD_REQUEST"];
  const body = problemText({ status: Number(status.slice(0, 3)), code, message: status.slice(4) });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function createApp(core: Core, settle: Settle = createForwarded(core)): FastifyInstance {
  let markForPages: ReturnType<typeof openToPages> = () => undefined;
  const app = fastify({
    loggerInstance: core.log,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: core.config.trustedProxies.length > 0 ? [...core.config.trustedProxies] : false,
    bodyLimit: HTTP.bodyBytes,
    keepAliveTimeout: HTTP.keepAliveMs,
    requestTimeout: HTTP.requestMs,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: 1_000 },
    rewriteUrl: (request) => rewritten(request.url ?? "/"),
    http: {
      headersTimeout: HTTP.headMs,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: HTTP.headBytes,
      // Judged below, so that its answer is like the others.
      requireHostHeader: false,
      // Java's client offers h2c with every plain request: it is answered in HTTP/1.1, as RFC 9110 says.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
    },
    clientErrorHandler: (error, socket) => refuse(error, socket as Socket),
    frameworkErrors: (error, request, reply) => {
      markForPages(request as FastifyRequest, reply as FastifyReply);
      void formOf(pathOf(request))(reply.header("x-content-type-options", "nosniff"), problemOf(error, core.log));
    },
  }) as unknown as FastifyInstance;
  app.addHook("onRequest", ({ raw }, _reply, done) => {
    settle(raw);
    done();
  });
  guardReplies(app, core.config.publicUrl?.startsWith("https:") ?? false);
  markForPages = openToPages(app, core.config);
  app.addHook("onRequest", (request, reply, done) => {
    if (hasOneHost(request.raw)) return done();
    const form = formOf(pathOf(request));
    return void form(reply, { status: 400, code: "BAD_REQUEST", message: "exactly one Host header is required" });
  });
  limitOpenCalls(app, core);
  takeBodies(app);
  compressAnswers(app);
  app.addHook("onResponse", (request, reply, done) => {
    core.metrics.request(request.method, request.routeOptions.url ?? "unknown", reply.statusCode, reply.elapsedTime / 1000);
    done();
  });
  app.setErrorHandler((error, request, reply) => formOf(pathOf(request))(reply, problemOf(error, core.log)));
  app.server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) => {
    response.writeHead(417, { "x-content-type-options": "nosniff", "content-length": 0, connection: "close" }).end();
  });
  return app;
}

async function listen(app: FastifyInstance, core: Core, port = core.config.port): Promise<{ port: number }> {
  await app.listen({ port, host: core.config.host });
  const address = app.server.address();
  return { port: typeof address === "object" && address ? address.port : port };
}

async function fetchFrom(app: FastifyInstance, request: Request): Promise<Response> {
  const url = new URL(request.url);
  const answer = await app.inject({
    method: request.method as "GET",
    url: url.pathname + url.search,
    headers: { host: url.host, ...Object.fromEntries(request.headers) },
    ...(request.body ? { payload: Buffer.from(await request.arrayBuffer()) } : {}),
  });
  const headers = Object.entries(answer.headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, String(each)]),
  );
  return new Response(answer.rawPayload.length > 0 ? new Uint8Array(answer.rawPayload) : null, { status: answer.statusCode, headers });
}

/** All doors: what a process with the role `api` serves. */
export async function createServer(doors: Doors, options: ServerOptions = {}): Promise<Server> {
  const { core } = doors;
  const settle = createForwarded(core);
  const app = createApp(core, settle);
  const routing = watchRoutes(app);
  const live = createLiveConnections(core, doors.quotas);
  const yoga = createYogaDoor(core.log);
  core.metrics.gauge("hookline_live_connections", "Open SSE streams and WebSockets.", () => live.connections);
  core.metrics.gauge("hookline_live_subscriptions", "Open subscriptions.", () => live.subscriptions);
  let draining = false;

  await app.register(healthRoutes(core, () => draining));
  await app.register(openApiRoutes(doors.publicUrl));
  await app.register(eventRoutes(doors));
  await app.register(auditRoutes(core));
  await app.register(exportRoutes(core));
  await app.register(graphqlRoutes(doors, yoga, live));
  await mountFaces(app, doors);
  await app.register(signInRoutes(core));
  await app.register(oidcRoutes(doors));
  if (options.dashboard) await app.register(options.dashboard.routes);
  answerUnknown(app, routing, options.dashboard?.page);
  await app.ready();
  const addressOf = createAddressOf(core.config.trustedProxies);
  const leaving = watchLeaving(app.server);
  const sockets = serveSockets(app.server, doors, yoga, live, (request) => {
    settle(request);
    return addressOf(request);
  });

  return {
    listen: () => listen(app, core),
    fetch: (request) => fetchFrom(app, request),
    routes: routing.all,
    beginDrain: () => {
      draining = true;
    },
    async close() {
      draining = true;
      await sockets.close();
      live.endAll();
      leaving.begin();
      // A connection whose client neither reads nor leaves must not hold the stop.
      const late = setInterval(leaving.cut, LEAVE_MS);
      await app.close();
      clearInterval(late);
      live.stop();
    },
  };
}

/** What a process with the role `worker` alone serves: /healthz, /readyz and /metrics. */
export async function createWorkerServer(core: Core): Promise<Server> {
  const app = createApp(core);
  const routing = watchRoutes(app);
  let draining = false;
  await app.register(healthRoutes(core, () => draining));
  answerUnknown(app, routing, undefined);
  await app.ready();
  return {
    listen: () => listen(app, core),
    fetch: (request) => fetchFrom(app, request),
    routes: routing.all,
    beginDrain: () => {
      draining = true;
    },
    close: () => app.close(),
  };
}

/** With HOOKLINE_METRICS_PORT: /metrics on that port, and nothing else. */
export async function createMetricsServer(core: Core): Promise<Pick<Server, "listen" | "close">> {
  const app = createApp(core);
  const routing = watchRoutes(app);
  await app.register(metricsRoutes(core));
  answerUnknown(app, routing, undefined);
  await app.ready();
  return { listen: () => listen(app, core, core.config.metricsPort), close: () => app.close() };
}
