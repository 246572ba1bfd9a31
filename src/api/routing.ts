/** What is answered where no route is: 405 with Allow for a known path, the dashboard's page for browsers, else 404. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { parts, withoutTail } from "../text.ts";
import { faceAt, faces } from "./faces/faces.ts";
import { graphqlErrors } from "./graphql/http.ts";
import { isPreflight, NO_OTHER_ORIGINS } from "./preflight.ts";
import { type ErrorForm, problemJson } from "./problem.ts";

/** Never the dashboard's: unknown paths below these are 404 in the form of their door. */
const APIS: ReadonlySet<string | undefined> = new Set([
  "v1",
  "graphql",
  ...faces.flatMap(({ prefixes }) => prefixes.map((prefix) => prefix.split("/")[1])),
]);

/** @param path without its query */
export const isApi = (path: string): boolean => APIS.has(path.split("/")[1]);

/** Segments; no route has so many. */
const DEEPEST_PATH = 20;

export interface Route {
  method: string;
  /** `:name` is any segment, a final `*` any rest. */
  url: string;
}

export interface Routing {
  all(): readonly Route[];
  /** The methods a path takes; empty for an unknown path. */
  methodsAt(path: string): string[];
}

/** Must be called before any route is added. */
export function watchRoutes(app: FastifyInstance): Routing {
  const routes: (Route & { segments: string[] })[] = [];
  passOverEmptyIds(app);
  app.addHook("onRoute", ({ method, url, config }) => {
    // A face's route that only refuses (faces/face.ts) takes nothing.
    if ((config as { refuses?: boolean } | undefined)?.refuses) return;
    for (const each of [method].flat()) routes.push({ method: each, url, segments: url.split("/") });
  });
  return {
    all: () => routes,
    methodsAt(path) {
      const given = parts(path, "/", DEEPEST_PATH) ?? [];
      return [...new Set(routes.filter(({ segments }) => fits(segments, given)).map(({ method }) => method))].sort();
    },
  };
}

/** `/goals/` is no `/goals/:id` of an empty id, though the router says so. */
function passOverEmptyIds(app: FastifyInstance): void {
  app.addHook("onRequest", ({ params, raw }, reply, done) => {
    if (raw.url?.includes("/?") || raw.url?.endsWith("/")) {
      const named = Object.entries((params ?? {}) as Record<string, unknown>).filter(([name]) => name !== "*");
      if (named.some(([, value]) => value === "")) return void reply.callNotFound();
    }
    done();
  });
}

/** Of a route: `:name` is any segment, a final `*` any rest. */
function fits(segments: readonly string[], given: readonly string[]): boolean {
  const open = segments.at(-1) === "*";
  if (open ? given.length < segments.length : given.length !== segments.length) return false;
  return segments.every((segment, i) => segment === "*" || segment === given[i] || (segment.startsWith(":") && given[i] !== ""));
}

/** Without its query. */
export function pathOf({ url }: Pick<FastifyRequest, "url">): string {
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}

/** How the door says what is wrong that a path belongs to. @param path without its query */
export function formOf(path: string): ErrorForm {
  if (path === "/graphql" || path.startsWith("/graphql/") || path === "/portal/graphql") return graphqlErrors;
  return faceAt(path)?.say ?? problemJson;
}

export type Page = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

export function answerUnknown(app: FastifyInstance, routing: Routing, page: Page | undefined): void {
  app.setNotFoundHandler(async (request, reply) => {
    const path = pathOf(request);
    const form = formOf(path);
    const methods = routing.methodsAt(path);
    if (methods.length > 0) {
      const allow = methods.join(", ");
      const message = isPreflight(request) ? NO_OTHER_ORIGINS : `only ${allow} here`;
      return form(reply, { status: 405, code: "METHOD_NOT_ALLOWED", message, headers: { allow } });
    }
    const browser = request.method === "GET" && (request.headers.accept?.includes("text/html") ?? false);
    if (page && browser && !isApi(path)) return page(request, reply);
    const bare = withoutTail(path, "/");
    const meant = bare !== path && routing.methodsAt(bare).length > 0;
    const message = `there is nothing at this path${meant ? "; leave out the slash at its end" : ""}`;
    return form(reply, { status: 404, code: "NOT_FOUND", message });
  });
}
