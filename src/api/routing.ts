/** What is answered where no route is: 405 with Allow for a known path, the dashboard's page for browsers, else 404. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { parts } from "../text.ts";
import { formAt } from "./faces/forms.ts";
import { graphqlErrors } from "./graphql/http.ts";
import type { ErrorForm } from "./problem.ts";

/** Never the dashboard's: unknown paths below these are 404 in their face's form. */
const API = /^\/(api|v1|crmapi|auth|inbound|graphql)(\/|\?|$)/;

/** Segments; no route has so many. */
const DEEPEST_PATH = 20;

export interface Route {
  method: string;
  /** As it was given: `/api/v1/Webhook/:id`. */
  path: string;
}

export interface Routing {
  readonly routes: readonly Route[];
  /** The methods a path takes; empty for an unknown path. */
  methodsAt(path: string): string[];
}

/** Must be called before any route is added. */
export function watchRoutes(app: FastifyInstance): Routing {
  const routes: (Route & { segments: string[] })[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    for (const each of [method].flat()) routes.push({ method: each, path: url, segments: url.split("/") });
  });
  return {
    routes,
    methodsAt(path) {
      const given = parts(path, "/", DEEPEST_PATH) ?? [];
      return [...new Set(routes.filter(({ segments }) => fits(segments, given)).map(({ method }) => method))].sort();
    },
  };
}

/** Of a route: `:name` is any segment, a final `*` any rest. */
function fits(segments: readonly string[], given: readonly string[]): boolean {
  const open = segments.at(-1) === "*";
  if (open ? given.length < segments.length : given.length !== segments.length) return false;
  return segments.every((segment, i) => segment === "*" || segment === given[i] || (segment.startsWith(":") && given[i] !== ""));
}

/** How the door says what is wrong that a path belongs to. @param path without its query */
export function formOf(path: string): ErrorForm {
  return /^\/graphql(\/|$)/.test(path) ? graphqlErrors : formAt(path);
}

export type Page = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

export function answerUnknown(app: FastifyInstance, routing: Routing, page: Page | undefined): void {
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split("?")[0] ?? "/";
    const form = formOf(path);
    const methods = routing.methodsAt(path);
    if (methods.length > 0) {
      const allow = methods.join(", ");
      return form(reply, { status: 405, code: "METHOD_NOT_ALLOWED", message: `only ${allow} here`, headers: { allow } });
    }
    const browser = request.method === "GET" && (request.headers.accept?.includes("text/html") ?? false);
    if (page && browser && !API.test(path)) return page(request, reply);
    return form(reply, { status: 404, code: "NOT_FOUND", message: "there is nothing at this path" });
  });
}
