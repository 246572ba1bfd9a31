/** CRM.COM's tokens: made by signing in, sent as a parameter with every call, good for two hours and never prolonged. */
import type { FastifyRequest } from "fastify";
import { authenticate } from "../../../accounts/authenticate.ts";
import type { Caller } from "../../../accounts/caller.ts";
import { organizationById } from "../../../accounts/lookup.ts";
import { checkPassword, createSession, endSession } from "../../../accounts/sessions.ts";
import { usernameOf } from "../../../accounts/user-row.ts";
import type { Core } from "../../../core.ts";
import { crmcomId, globalId } from "../../../wire/ids.ts";
import { credentialsOf } from "../../credentials.ts";
import { CrmcomError } from "./errors.ts";
import { type Parameters, required, text } from "./parameters.ts";

const TTL_SECONDS = 2 * 3600;
const WRONG = "these credentials are not valid";

export interface CrmcomCaller {
  caller: Caller;
  sessionId: string;
}

/** @throws CrmcomError INVALID_TOKEN, for one that is absent, wrong, expired or released */
export async function signedIn(core: Core, parameters: Parameters, request: FastifyRequest): Promise<CrmcomCaller> {
  const { token } = parameters.values;
  const credential = typeof token === "string" && token !== "" ? await authenticate(core, token, ["CRMCOM"]) : undefined;
  if (!credential?.session) throw new CrmcomError("INVALID_TOKEN", "the token is missing, wrong, expired or released");
  return { caller: { ...credential.caller, address: request.ip }, sessionId: credential.session.id };
}

/** @throws CrmcomError MISSING_PARAMETER INVALID_CREDENTIALS */
export async function passwordToken(core: Core, parameters: Parameters, address: string): Promise<string> {
  const username = required(parameters, "username");
  const password = required(parameters, "password");
  const organisation = required(parameters, "organisation");
  const unit = unitOf(parameters);
  const user = await checkPassword(core, username, password, address, organisation);
  const organization = user && (await organizationById(core, user.organizationId));
  const names = [organization?.name, organization && globalId("Organization", organization.id), organization && crmcomId(organization.id)];
  // An e-mail address is no username here, unless it is both.
  if (!user || usernameOf(user) !== username.toLowerCase() || !organization || !names.includes(organisation)) {
    throw new CrmcomError("INVALID_CREDENTIALS", WRONG);
  }
  const session = await createSession(core, {
    organizationId: user.organizationId,
    kind: "CRMCOM",
    userId: user.id,
    passwordHash: user.passwordHash,
    address,
    unit,
    ttlSeconds: TTL_SECONDS,
  });
  return session.token;
}

/** A Web API key is one of our API tokens, sent as the user name of HTTP Basic. @throws CrmcomError INVALID_CREDENTIALS */
export async function keyToken(core: Core, parameters: Parameters, request: FastifyRequest): Promise<string> {
  const basic = credentialsOf(request.headers.authorization, "basic");
  // A token may hold colons, and the password behind it is empty.
  const pair = basic === undefined ? "" : Buffer.from(basic, "base64").toString();
  const key = pair.endsWith(":") ? pair.slice(0, -1) : pair;
  const credential = key === "" ? undefined : await authenticate(core, key, []);
  const { caller } = credential ?? {};
  if (!caller?.credentialId || caller.userId === undefined) throw new CrmcomError("INVALID_CREDENTIALS", WRONG);
  const unit = unitOf(parameters);
  const session = await createSession(core, {
    organizationId: caller.organizationId,
    kind: "CRMCOM",
    userId: caller.userId,
    apiTokenId: caller.credentialId,
    unit,
    ttlSeconds: TTL_SECONDS,
  });
  return session.token;
}

/** @throws CrmcomError INVALID_VALUE */
function unitOf(parameters: Parameters): string | undefined {
  const unit = text(parameters, "unit");
  if (unit !== undefined && unit.length > 255) throw new CrmcomError("INVALID_VALUE", "unit must have at most 255 characters");
  return unit;
}

export async function release(core: Core, { caller, sessionId }: CrmcomCaller): Promise<void> {
  await endSession(core, caller.organizationId, sessionId);
}
