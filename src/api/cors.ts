/**
 * Pages of other origins (HOOKLINE_CORS_ORIGINS). They call with a bearer token: Access-Control-Allow-Credentials is never sent,
 * so no cookie counts across origins. Every answer is marked before anything is judged, so that pages can read refusals too.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Config } from "../config.ts";
import { echo } from "../text.ts";
import { isPreflight } from "./preflight.ts";
import { varies } from "./replies.ts";
import { formOf, isApi, pathOf } from "./routing.ts";

const PUBLIC: ReadonlySet<string> = new Set(["/openapi.json", "/healthz", "/readyz"]);
/** The API; never the dashboard, its sign-in and /metrics. */
const isOpen = (path: string): boolean => isApi(path) || PUBLIC.has(path);
/** All, so that a page sees the 405 of a method that a path does not take. */
const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
/** Proxies' and the browser's own words, which no page has to say. */
const NOT_THEIRS = /^(cookie|forwarded|x-forwarded-|sec-|proxy-)/;
/** What a page may read beside the body. */
const READABLE = [
  ...["Retry-After", "RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"],
  ...["Location", "Allow", "ETag", "Link", "WWW-Authenticate"],
].join(", ");
/** Browsers ask again after so many seconds; Chromium takes no more. */
const REMEMBERED_SECONDS = "7200";

export interface Cors {
  /** Whether pages of this origin may call; never for a missing one. */
  allows(origin: string | undefined): boolean;
}

export function createCors({ corsOrigins }: Pick<Config, "corsOrigins">): Cors {
  const known = new Set(corsOrigins);
  const all = known.has("*");
  return { allows: (origin) => origin !== undefined && (all || known.has(origin)) };
}

/** Those that are asked for: what is sent with them is judged as from anywhere else. */
function allowedHeaders({ "access-control-request-headers": asked }: IncomingHttpHeaders): string {
  const names = String(asked ?? "")
    .toLowerCase()
    .split(",")
    .map((name) => name.trim());
  return names.filter((name) => HEADER_NAME.test(name) && !NOT_THEIRS.test(name)).join(", ");
}

/** Hooks of a whole server, before any other that answers. */
export function openToPages(
  app: FastifyInstance,
  config: Pick<Config, "corsOrigins">,
): (request: FastifyRequest, reply: FastifyReply) => void {
  const cors = createCors(config);
  const star = config.corsOrigins.includes("*");

  function mark(request: FastifyRequest, reply: FastifyReply): void {
    if (!isOpen(pathOf(request))) return;
    varies(reply, "Origin");
    const { origin } = request.headers;
    if (!cors.allows(origin)) return;
    reply.header("access-control-allow-origin", star ? "*" : origin);
    reply.header("access-control-expose-headers", READABLE);
  }

  if (config.corsOrigins.length === 0) return () => undefined;
  app.addHook("onRequest", (request, reply, done) => {
    mark(request, reply);
    if (!isPreflight(request) || !isOpen(pathOf(request))) return done();
    const { origin } = request.headers;
    if (!cors.allows(origin)) {
      const message = `HOOKLINE_CORS_ORIGINS does not name ${echo(String(origin))}: pages of that origin may not call this server`;
      void formOf(pathOf(request))(reply, { status: 403, code: "FORBIDDEN", message });
      return undefined;
    }
    varies(reply, "Access-Control-Request-Headers");
    void reply
      .headers({
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": allowedHeaders(request.headers),
        "access-control-max-age": REMEMBERED_SECONDS,
      })
      .code(204)
      .send();
    return undefined;
  });
  return mark;
}
