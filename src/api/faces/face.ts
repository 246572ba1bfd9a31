/**
 * One form for every face: what makes a product's own API. What holds for all of them is said here, once: bodies come as
 * bytes, errors go out in the product's form and words, a known path answers its other methods with 405 and Allow.
 * How one is added: docs/adding-a-face.md.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../../accounts/caller.ts";
import type { Core } from "../../core.ts";
import { Budget, withBudget } from "../../requests/budget.ts";
import { ownedBy, takeBodies } from "../arriving.ts";
import { UnreadableBodyError, UnsupportedMediaTypeError } from "../body.ts";
import type { Doors } from "../doors.ts";
import { isPreflight, NO_OTHER_ORIGINS } from "../preflight.ts";
import { type ErrorForm, type Problem, problemOf } from "../problem.ts";
import { askedFirst } from "../session.ts";
import { inWords, type Words } from "./words.ts";

export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof METHODS)[number];

export interface Call {
  doors: Doors;
  core: Core;
  request: FastifyRequest;
  reply: FastifyReply;
  /** Of the path, percent-decoded. */
  param(name: string): string;
}

export type Authenticate<Who> = (call: Call) => Promise<Who>;
/** What it gives is sent as JSON, unless it is the reply itself. */
export type Handler<Who> = (call: Call, who: Who) => Promise<unknown>;

export interface Route<Who> {
  /** `/api/v3/things/:id` */
  path: string;
  /** Those that are not named are 405. HEAD comes with GET. */
  methods: { readonly [M in Method]?: Handler<Who> };
  /** Of a body; else 1 MiB. */
  bodyBytes?: number;
}

export interface Face<Who = Caller> {
  name: string;
  /** `/api/v3`: this path and those below it speak this product's form, also where there is nothing. */
  prefixes: readonly string[];
  /** Writes what went wrong. */
  errorForm: ErrorForm;
  /** How this product calls things, where our other doors call them otherwise. */
  words?: Words;
  /** Errors that only this product has, or that it counts otherwise; undefined: as at every door. */
  problem?(error: unknown, core: Core): Problem | undefined;
  /** Who calls; asked before a route looks at the body, and before it is read, unless that says it. @throws UnauthenticatedError ForbiddenError */
  authenticate: Authenticate<Who>;
  /** The body says who calls. */
  signedInBody?: true;
  routes(doors: Doors): readonly Route<Who>[];
  /** Routes that anybody may call, or that know their callers in another way (`calledBy`). */
  openRoutes?(doors: Doors): readonly Route<undefined>[];
  /** What is said of a path below a prefix that leads nowhere. @param path with its query */
  unknownPath?(path: string): string;
  /** What is said of a method that a path does not take. @param taken in the order of the route */
  wrongMethod?(taken: readonly string[]): { allow: readonly string[]; message: string };
  /** Headers of answers that no route of the face gives: what is unknown, what comes when the server is full. */
  unrouted?(reply: FastifyReply): void;
  /** A URL as the router is to see it. */
  rewrite?(url: string): string;
  /** Hooks and routes that no other face needs. */
  setUp?(app: FastifyInstance, doors: Doors): void;
}

/** A face whose callers are its own business. */
export interface MountedFace extends Pick<Face, "name" | "prefixes" | "rewrite"> {
  /** Writes a problem in the product's form and words, where no route of it does. */
  say: ErrorForm;
  /** An error as the product's client reads it. */
  told(error: unknown, core: Core): Problem;
  mount(app: FastifyInstance, doors: Doors): Promise<void>;
}

export function defineFace<Who>(face: Face<Who>): MountedFace {
  const said = (problem: Problem): Problem => inWords(problem, face.words);
  const say: ErrorForm = (reply, problem) => face.errorForm(reply, said(problem));
  const problem = (error: unknown, core: Core): Problem => face.problem?.(error, core) ?? problemOf(worded(error, face.words), core.log);
  const unrouted: ErrorForm = (reply, problem) => {
    face.unrouted?.(reply);
    return say(reply, problem);
  };
  return {
    ...{ name: face.name, prefixes: face.prefixes, say: unrouted },
    ...(face.rewrite && { rewrite: (url: string) => (face.rewrite as (url: string) => string)(url) }),
    told: (error, core) => said(problem(error, core)),
    mount: (app, doors) => mount(app, doors, face, { say, answer: (error, reply) => say(reply, problem(error, doors.core)) }),
  };
}

/** The same route for callers who are known in another way than the face's. */
export function calledBy<Who>(authenticate: Authenticate<Who>, route: Route<Who>): Route<undefined> {
  const methods = Object.entries(route.methods).map(([method, handler]) => [
    method,
    async (call: Call) => handler(call, await authenticate(call)),
  ]);
  return { ...route, methods: Object.fromEntries(methods) };
}

interface Voice {
  say: ErrorForm;
  answer(error: unknown, reply: FastifyReply): FastifyReply;
}

async function mount<Who>(app: FastifyInstance, doors: Doors, face: Face<Who>, { say, answer }: Voice): Promise<void> {
  await app.register(async (scope) => {
    takeBodies(scope);
    scope.setErrorHandler((error, _request, reply) => answer(error, reply));
    face.setUp?.(scope, doors);
    const { authenticate, signedInBody = false } = face;
    for (const route of face.routes(doors)) addRoute(scope, doors, face, say, route, { authenticate, first: !signedInBody });
    for (const route of face.openRoutes?.(doors) ?? [])
      addRoute(scope, doors, face, say, route, { authenticate: async () => undefined, first: false });
    const { unknownPath } = face;
    if (!unknownPath) return;
    for (const prefix of face.prefixes) {
      scope.route({
        method: [...METHODS],
        url: `${prefix}/*`,
        config: REFUSES,
        handler: async ({ url }, reply) => say(reply, { status: 404, code: "NOT_FOUND", message: unknownPath(url) }),
      });
    }
  });
}

/** An unreadable body in the product's own wording, where it has one. */
function worded(error: unknown, words: Words | undefined): unknown {
  if (!(error instanceof UnreadableBodyError || error instanceof UnsupportedMediaTypeError)) return error;
  const message = words?.bodies?.[error.fault]?.(error.message);
  if (message === undefined) return error;
  return error instanceof UnreadableBodyError ? new UnreadableBodyError("CONTENT", message) : new UnsupportedMediaTypeError(message);
}

/** Of a route that only refuses: its methods are none that a path takes (routing.ts). */
export const REFUSES = { refuses: true } as const;

function addRoute<Who>(
  app: FastifyInstance,
  doors: Doors,
  face: Pick<Face<never>, "wrongMethod">,
  say: ErrorForm,
  { path, methods, bodyBytes }: Route<Who>,
  { authenticate, first }: { authenticate: Authenticate<Who>; first: boolean },
): void {
  const callOf = (request: FastifyRequest, reply: FastifyReply): Call => {
    const param = (name: string) => (request.params as Record<string, string>)[name] ?? "";
    return { doors, core: doors.core, request, reply, param };
  };
  const sender = askedFirst(async (request, reply) => {
    const who = await authenticate(callOf(request, reply));
    const { organizationId } = who as { organizationId?: string };
    if (organizationId !== undefined) ownedBy(request, organizationId);
    return who;
  });
  const taken = METHODS.filter((method) => methods[method]);
  const inOrder = Object.keys(methods).filter((method) => methods[method as Method]);
  for (const method of taken) {
    app.route({
      ...{ method, url: path, ...(bodyBytes !== undefined && { bodyLimit: bodyBytes }), ...(first && { onRequest: sender.onRequest }) },
      handler: async (request, reply) => {
        const call = callOf(request, reply);
        const who = await (first ? sender.of(request, reply) : authenticate(call));
        // A list of a thousand may have a thousand bodies of 1 MiB.
        return withBudget(new Budget(), () => (methods[method] as Handler<Who>)(call, who));
      },
    });
  }
  const others = METHODS.filter((method) => !taken.includes(method) && !(method === "HEAD" && taken.includes("GET")));
  const { allow, message } = face.wrongMethod?.(inOrder) ?? { allow: inOrder, message: `only ${inOrder.join(", ")} here` };
  app.route({
    ...{ method: others, url: path, config: REFUSES },
    handler: async (request, reply) => {
      const told = isPreflight(request) ? NO_OTHER_ORIGINS : message;
      return say(reply, { status: 405, code: "METHOD_NOT_ALLOWED", message: told, headers: { allow: allow.join(", ") } });
    },
  });
}
