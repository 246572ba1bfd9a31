/** Who sent an HTTP request: a bearer token, or the browser's session cookie from a page of ours. */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { authenticate, type Credential } from "../accounts/authenticate.ts";
import type { Caller } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import type { SessionKind } from "../db/generated/prisma/client.ts";
import { ForbiddenError, UnauthenticatedError } from "../errors.ts";
import { echo } from "../text.ts";
import { sameBytes } from "../vault.ts";
import { traceOfHeaders } from "../wire/trace-context.ts";
import { credentialsOf } from "./credentials.ts";

export const SESSION_COOKIE = "hookline_session";
export const XSRF_COOKIE = "XSRF-TOKEN";
export const PORTAL_COOKIE = "hookline_portal";
export const PORTAL_XSRF_COOKIE = "PORTAL-XSRF-TOKEN";
const XSRF_HEADER = "x-xsrf-token";
/** By a name of our own: other programs of the same host have an XSRF-TOKEN, too, and send one. */
export const TAB_COOKIE = "HOOKLINE-SESSION";
export const TAB_HEADER = "x-hookline-session";

/** Which cookies, in this order, and which sessions are good somewhere. */
export interface Door {
  cookies: readonly string[];
  kinds: readonly SessionKind[];
}
/** The REST of our own, which knows nothing of a portal. */
const OURS: Door = { cookies: [SESSION_COOKIE], kinds: ["BROWSER"] };
export const GRAPHQL_DOOR: Door = { cookies: [SESSION_COOKIE, PORTAL_COOKIE], kinds: ["BROWSER", "PORTAL"] };
/** What a page inside somebody's frame calls: no cookie of the organization's own people counts. */
export const PORTAL_DOOR: Door = { cookies: [PORTAL_COOKIE], kinds: ["PORTAL"] };

/** The last value of each name; a name sent twice is somebody playing tricks, and the last is as good as the first. */
export function cookiesOf(header: string | undefined): Map<string, string> {
  const pairs = (header ?? "").split(";").map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, Math.max(at, 0)).trim(), pair.slice(at + 1).trim()] as const;
  });
  return new Map(pairs.filter(([name]) => name !== ""));
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Node reads a header's bytes as Latin-1; whoever writes beyond ASCII nearly always means UTF-8. */
function asWritten(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const bytes = Buffer.from(text, "latin1");
  // More than Latin-1: from a WebSocket's connectionParams, which are text already.
  if (bytes.toString("latin1") !== text) return text;
  try {
    return utf8.decode(bytes);
  } catch {
    return text;
  }
}

/** Undefined for a missing header and for other schemes. The operator's token is any text, spaces and all. */
export function bearerOf(authorization: string | undefined): string | undefined {
  const token = credentialsOf(authorization, "bearer");
  return token === undefined ? undefined : asWritten(token);
}

/** What a page must send back as X-XSRF-TOKEN: bound to the session, so that a planted cookie is of no use. */
export function xsrfToken(sessionToken: string): string {
  return createHash("sha256").update(`xsrf:${sessionToken}`).digest("base64url");
}

/** Set-Cookie values that start a session, or end it (`token` undefined). */
export function sessionCookies(core: Core, token: string | undefined, expiresAt?: Date): string[] {
  const secure = core.config.publicUrl?.startsWith("https:") ? "; Secure" : "";
  const end = token === undefined ? "Max-Age=0" : `Expires=${(expiresAt as Date).toUTCString()}`;
  return [
    `${SESSION_COOKIE}=${token ?? ""}; Path=/; HttpOnly; SameSite=Lax; ${end}${secure}`,
    ...[XSRF_COOKIE, TAB_COOKIE].map(
      (name) => `${name}=${token === undefined ? "" : xsrfToken(token)}; Path=/; SameSite=Lax; ${end}${secure}`,
    ),
  ];
}

/** The same of a portal's session: good in frames of other sites where these are allowed, and sent to the portal's own path alone. */
export function portalCookies(core: Core, token: string | undefined, expiresAt?: Date): string[] {
  const secure = core.config.publicUrl?.startsWith("https:") ? "; Secure" : "";
  const site = core.config.portalFrameAncestors.length > 0 ? "SameSite=None; Secure; Partitioned" : `SameSite=Lax${secure}`;
  const end = token === undefined ? "Max-Age=0" : `Expires=${(expiresAt as Date).toUTCString()}`;
  return [
    `${PORTAL_COOKIE}=${token ?? ""}; Path=/portal; HttpOnly; ${site}; ${end}`,
    `${PORTAL_XSRF_COOKIE}=${token === undefined ? "" : xsrfToken(token)}; Path=/portal; ${site}; ${end}`,
  ];
}

/** The session's token among the cookies that are good there. */
export function sessionOf(header: string | undefined, { cookies }: Door): string | undefined {
  const sent = cookiesOf(header);
  return cookies.map((name) => sent.get(name)).find((token) => token);
}

/** @throws ForbiddenError for a write of a portal's page that does not prove to have read its cookie */
export function demandXsrf(headers: IncomingMessage["headers"], token: string): void {
  const sent = headers[XSRF_HEADER];
  if (typeof sent !== "string" || !sameBytes(Buffer.from(sent), Buffer.from(xsrfToken(token))))
    throw new ForbiddenError(`send the cookie ${PORTAL_XSRF_COOKIE}'s value as X-XSRF-TOKEN with what writes`);
}

/** Whether X-Hookline-Session, where it is sent, is of this session; else somebody else has signed in since the page was opened. */
export function isOfSession(sent: unknown, token: string): boolean {
  return typeof sent !== "string" || sent === "" || sameBytes(Buffer.from(sent), Buffer.from(xsrfToken(token)));
}

/** Written as the Origin's scheme would write it: `hooks.example.com:443` is `hooks.example.com` to https. */
export const hostBy = (scheme: string, host: string | string[] | undefined): string | undefined =>
  typeof host === "string" ? URL.parse(`${scheme}//${host}`)?.host : undefined;

/**
 * Whether a request comes from a page of ours: its Origin is HOOKLINE_PUBLIC_URL's, the Host's, or the X-Forwarded-Host's of a
 * proxy that is believed (forwarded.ts).
 */
export function isOwnOrigin(core: Core, headers: IncomingMessage["headers"]): boolean {
  const { origin } = headers;
  const given = origin === undefined ? null : URL.parse(origin);
  if (!given) return false;
  if (core.config.publicUrl !== undefined && given.origin === new URL(core.config.publicUrl).origin) return true;
  if (given.protocol !== "http:" && given.protocol !== "https:") return false;
  return [headers.host, headers["x-forwarded-host"]].some((host) => hostBy(given.protocol, host) === given.host);
}

/** A browser sends no Origin with a read of its own origin's pages, EventSource neither; that it is one, only a browser says. */
const isOwnRead = (headers: IncomingMessage["headers"], method: string | undefined): boolean =>
  (method === "GET" || method === "HEAD") && headers.origin === undefined && headers["sec-fetch-site"] === "same-origin";

/** Why what a browser sent does not count, and what the operator can do when the page was ours after all. @param what "a sign-in" */
export function foreignPage({ config }: Core, { origin = "missing", host = "missing" }: IncomingMessage["headers"], what: string) {
  return new ForbiddenError(
    `${what} must come from a page of this server: its Origin (${echo(origin)}) is neither HOOKLINE_PUBLIC_URL ` +
      `(${config.publicUrl ?? "not set"}) nor the Host (${echo(host)}). Behind a proxy that rewrites Host, set HOOKLINE_PUBLIC_URL to what ` +
      "the browser shows, or send X-Forwarded-Host and name the proxy in HOOKLINE_TRUSTED_PROXIES",
  );
}

export interface Signed {
  credential: Credential | undefined;
  /** A session cookie was sent, good or not. */
  cookie: boolean;
}

/**
 * Reads Authorization, else the session cookie.
 * @param method of the request; absent: judged as one that writes
 * @throws ForbiddenError for a cookie without an Origin of ours: some other page made the browser send it
 */
export async function identify(
  core: Core,
  headers: IncomingMessage["headers"],
  address: string | undefined,
  method?: string,
  door: Door = OURS,
): Promise<Signed> {
  const called = (credential: Credential | undefined) =>
    credential && { ...credential, caller: { ...credential.caller, address, trace: traceOfHeaders(headers) } };
  if (headers.authorization !== undefined) {
    const token = bearerOf(headers.authorization);
    return { credential: called(token === undefined ? undefined : await authenticate(core, token, door.kinds)), cookie: false };
  }
  const session = sessionOf(headers.cookie, door);
  if (!session) return { credential: undefined, cookie: false };
  if (!isOwnOrigin(core, headers) && !isOwnRead(headers, method)) throw foreignPage(core, headers, "a request with a session cookie");
  return { credential: called(await authenticate(core, session, door.kinds)), cookie: true };
}

/**
 * The caller of a REST request.
 * @throws UnauthenticatedError; ForbiddenError for a cookie without an Origin of ours
 */
export async function requireCaller(
  core: Core,
  request: { headers: IncomingMessage["headers"]; ip: string; method?: string },
): Promise<Caller> {
  const { credential } = await identify(core, request.headers, request.ip, request.method);
  if (!credential) throw new UnauthenticatedError();
  return credential.caller;
}

/**
 * Before each further part of an answer that takes long: who asked may read it still, and neither role nor scopes are others.
 * @throws UnauthenticatedError ForbiddenError; the answer breaks off
 */
export async function stillMay(core: Core, request: Parameters<typeof requireCaller>[1], before: Caller): Promise<void> {
  const now = await requireCaller(core, request);
  if (now.role !== before.role || [...before.scopes].some((scope) => !now.scopes.has(scope)))
    throw new ForbiddenError("your rights have changed");
}

/** A body that took longer is asked once more who sends it. */
const SLOW_BODY_MS = 1_000;

/**
 * Who sends a request, asked before its body is read: megabytes are not taken from nobody.
 * @param ask says whose request it is, by `ownedBy`
 */
export function askedFirst<Who>(ask: (request: FastifyRequest, reply: FastifyReply) => Promise<Who>) {
  const WHO = Symbol("who");
  type Asked = FastifyRequest & { [WHO]?: Who };
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    (request as Asked)[WHO] = await ask(request, reply);
  };
  return {
    /** A route's hook. */
    onRequest,
    async of(request: FastifyRequest, reply: FastifyReply): Promise<Who> {
      // A token that was revoked while the body came is none.
      if (reply.elapsedTime > SLOW_BODY_MS) await onRequest(request, reply);
      return (request as Asked)[WHO] as Who;
    },
  };
}
