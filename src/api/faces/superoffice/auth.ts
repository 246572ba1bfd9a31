/** Who calls (S3, S5, S6, S13). */
import type { FastifyRequest } from "fastify";
import { authenticate } from "../../../accounts/authenticate.ts";
import { type Caller, ROLE_SCOPES } from "../../../accounts/caller.ts";
import { checkPassword } from "../../../accounts/sessions.ts";
import type { Core } from "../../../core.ts";
import { SeveralOrganizationsError, UnauthenticatedError } from "../../../errors.ts";
import { sameBytes } from "../../../vault.ts";
import { traceOfHeaders } from "../../../wire/trace-context.ts";
import { readAuthorization } from "../../credentials.ts";
import { cookiesOf, SESSION_COOKIE, XSRF_COOKIE } from "../../session.ts";

/**
 * Basic (e-mail or username, and password), Bearer or SoTicket (an API token), else the session cookie with
 * X-XSRF-TOKEN. With SO-AppToken it is that application that acts, within its own rights.
 * @throws UnauthenticatedError
 */
export async function callerOf(core: Core, request: FastifyRequest): Promise<Caller> {
  const { headers, ip } = request;
  const caller = headers.authorization === undefined ? await byCookie(core, headers) : await byHeader(core, headers.authorization, ip);
  if (!caller) throw new UnauthenticatedError("sign in: Authorization Basic, Bearer or SoTicket, or the session cookie with X-XSRF-TOKEN");
  const appToken = one(headers["so-apptoken"]);
  return { ...(appToken === undefined ? caller : await actingAs(core, caller, appToken)), address: ip, trace: traceOfHeaders(headers) };
}

const one = (header: string | string[] | undefined): string | undefined => (Array.isArray(header) ? header[0] : header);

async function byHeader(core: Core, authorization: string, address: string): Promise<Caller | undefined> {
  const { scheme = "", text: credentials = "" } = readAuthorization(authorization) ?? {};
  switch (scheme) {
    case "bearer":
    case "soticket":
      return (await authenticate(core, credentials, []))?.caller;
    case "basic":
      return byPassword(core, credentials, address);
    default:
      return undefined;
  }
}

/** Split at the first colon: usernames have none, passwords may. */
async function byPassword(core: Core, credentials: string, address: string): Promise<Caller | undefined> {
  const text = Buffer.from(credentials, "base64").toString("utf8");
  const colon = text.indexOf(":");
  const user = colon < 0 ? undefined : await checkPassword(core, text.slice(0, colon), text.slice(colon + 1), address).catch(named);
  if (!user) return undefined;
  return {
    organizationId: user.organizationId,
    userId: user.id,
    userNumber: user.number,
    role: user.role,
    scopes: new Set(ROLE_SCOPES[user.role]),
    operator: false,
    application: undefined,
    credentialId: undefined,
    tokenPrefix: undefined,
    address: undefined,
  };
}

/** This door has no place for the organization's name, and user names are nobody else's. */
function named(error: unknown): never {
  if (!(error instanceof SeveralOrganizationsError)) throw error;
  throw new UnauthenticatedError("this e-mail and password are good in several organizations: sign in with the user name, or an API token");
}

/** A foreign page can make a browser send the cookies, but not read one of them to put it into a header. */
async function byCookie(core: Core, headers: FastifyRequest["headers"]): Promise<Caller | undefined> {
  const cookies = cookiesOf(headers.cookie);
  const session = cookies.get(SESSION_COOKIE);
  const expected = Buffer.from(cookies.get(XSRF_COOKIE) ?? "");
  const given = Buffer.from(one(headers["x-xsrf-token"]) ?? "");
  if (!session || expected.length === 0 || !sameBytes(given, expected)) return undefined;
  return (await authenticate(core, session, ["BROWSER"]))?.caller;
}

/** @throws UnauthenticatedError for a token that is unknown, of another organization, or of no application */
async function actingAs(core: Core, caller: Caller, appToken: string): Promise<Caller> {
  const app = (await authenticate(core, appToken, []))?.caller;
  if (!app?.application || app.organizationId !== caller.organizationId) throw new UnauthenticatedError("unknown SO-AppToken");
  const scopes = new Set([...caller.scopes].filter((scope) => app.scopes.has(scope)));
  return { ...caller, application: app.application, scopes };
}
