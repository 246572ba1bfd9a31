/**
 * Who calls doForms' API: a web service (its static token `{id}:{password}`, or an opaque one it signed in for), or one
 * of our administrators with an API token.
 */
import type { FastifyRequest } from "fastify";
import { authenticate } from "../../../accounts/authenticate.ts";
import type { Caller } from "../../../accounts/caller.ts";
import type { Core } from "../../../core.ts";
import { checkWebService, type WebService, webServiceOf } from "../../../definitions/web-services.ts";
import { ForbiddenError, UnauthenticatedError } from "../../../errors.ts";
import { credentialsOf } from "../../credentials.ts";

/** Everything behind the scheme: a password may hold blanks and colons. Node reads headers as Latin-1; clients send UTF-8. */
function writtenBy(request: FastifyRequest): string | undefined {
  const text = credentialsOf(request.headers.authorization, "bearer");
  if (text === undefined) return undefined;
  const utf8 = Buffer.from(text, "latin1").toString("utf8");
  return utf8.includes("�") ? text : utf8;
}

/** `{id}:{password}`, split at the first colon: ids have none. */
async function byPassword(core: Core, credentials: string, address: string): Promise<WebService | undefined> {
  const at = credentials.indexOf(":");
  return at < 0 ? undefined : checkWebService(core, credentials.slice(0, at), credentials.slice(at + 1), address);
}

async function byToken(core: Core, token: string): Promise<WebService | undefined> {
  const id = (await authenticate(core, token, ["DOFORMS"]))?.session?.webServiceId;
  return id === undefined ? undefined : webServiceOf(core, id);
}

/** @throws UnauthenticatedError, in the same words whatever is wrong */
export async function webServiceCalling(core: Core, request: FastifyRequest): Promise<WebService> {
  const credentials = writtenBy(request);
  const service =
    credentials === undefined ? undefined : ((await byPassword(core, credentials, request.ip)) ?? (await byToken(core, credentials)));
  if (!service) throw new UnauthenticatedError("send `Authorization: Bearer {web service id}:{password}`, or a token of it");
  return service;
}

/** @throws UnauthenticatedError; ForbiddenError for a web service, and for who is no administrator */
export async function adminCalling(core: Core, request: FastifyRequest): Promise<Caller> {
  const credentials = writtenBy(request);
  if (credentials === undefined) throw new UnauthenticatedError("send `Authorization: Bearer {API token of an administrator}`");
  // First: a token may hold a colon, and is no try of a password then.
  const credential = await authenticate(core, credentials, ["BROWSER", "DOFORMS"]);
  if (!credential) {
    if (await byPassword(core, credentials, request.ip)) throw new ForbiddenError("a web service may not do this");
    throw new UnauthenticatedError("send `Authorization: Bearer {API token of an administrator}`");
  }
  if (credential.caller.role !== "ADMIN" || credential.session?.kind === "DOFORMS") throw new ForbiddenError();
  return { ...credential.caller, address: request.ip };
}
