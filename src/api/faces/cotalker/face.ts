/**
 * Cotalker's own REST API (contract T1–T27) over the same definitions, lanes and log as every other door.
 * Its ids are the last 24 hex digits of ours.
 */
import { authenticate } from "../../../accounts/authenticate.ts";
import type { Caller } from "../../../accounts/caller.ts";
import { checkPassword, createSession } from "../../../accounts/sessions.ts";
import { createDefinition, updateDefinition } from "../../../definitions/definitions.ts";
import { findByObjectId, listDefinitionsByOffset } from "../../../definitions/find.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import { ForbiddenError, NotFoundError, SeveralOrganizationsError, UnauthenticatedError, ValidationError } from "../../../errors.ts";
import { attemptsOfDefinition } from "../../../requests/definition-attempts.ts";
import { shownBodies } from "../../../requests/shown.ts";
import { cotalker as dialect } from "../../../wire/dialects/cotalker.ts";
import { objectId } from "../../../wire/ids.ts";
import { jsonOf } from "../../body.ts";
import { HTTP } from "../../limits.ts";
import { bearerOf } from "../../session.ts";
import { validate } from "../../validate.ts";
import { type Call, defineFace, type Route } from "../face.ts";
import { onPresent } from "../on-present.ts";
import { warn } from "../warning.ts";
import { cotalkerError, refuseIf, words } from "./errors.ts";
import { change, creation, credentials, logPage, selection } from "./input.ts";
import { cotLog } from "./log.ts";
import { type CotWebhook, contextIssues, cotWebhook, eventTypesOf, filterOf, triggerOf } from "./webhook.ts";

const SUBSCRIPTION = "/api/v3/webhook/subscription";
const DAY_SECONDS = 24 * 3600;

export const cotalker = defineFace<Caller>({
  name: "cotalker",
  prefixes: ["/api/v3", "/auth"],
  errorForm: cotalkerError,
  words,
  wrongMethod(taken) {
    const allow = taken.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]));
    return { allow, message: `only ${allow.join(", ")} here` };
  },
  /** By an API token, or by what /auth/local gave. */
  async authenticate({ core, request }) {
    const token = bearerOf(request.headers.authorization);
    const credential = token === undefined ? undefined : await authenticate(core, token, ["COTALKER"]);
    if (!credential) throw new UnauthenticatedError();
    return { ...credential.caller, address: request.ip };
  },
  routes: () => [
    { path: SUBSCRIPTION, methods: { GET: list, POST: create } },
    { path: `${SUBSCRIPTION}/:id`, methods: { GET: async (call, caller) => shown(await find(call, caller), caller), PATCH: update } },
    { path: `${SUBSCRIPTION}/logs/:id`, methods: { GET: log } },
  ],
  openRoutes: (): Route<undefined>[] => [{ path: "/auth/local", methods: { POST: signIn }, bodyBytes: HTTP.signInBytes }],
});

async function signIn({ core, request, reply }: Call): Promise<unknown> {
  const { email, password, organization } = validate(credentials, jsonOf(request).value);
  const user = await checkPassword(core, email, password, request.ip, organization).catch((error: unknown) => {
    if (!(error instanceof SeveralOrganizationsError)) throw error;
    throw new ValidationError([{ path: "organization", message: error.message }]);
  });
  if (!user) throw new UnauthenticatedError("wrong e-mail address or password");
  const { id: userId, organizationId, passwordHash } = user;
  const session = { organizationId, kind: "COTALKER", userId, passwordHash, address: request.ip, ttlSeconds: DAY_SECONDS } as const;
  const { token } = await createSession(core, session);
  return reply.header("cache-control", "no-store").send({ token });
}

const shown = (row: DefinitionRow, caller: Caller) => cotWebhook(row, caller) as CotWebhook;

/** @throws ValidationError for what is no ObjectId · NotFoundError */
async function find({ core, param }: Call, caller: Caller): Promise<DefinitionRow> {
  const id = param("id");
  refuseIf(/^[0-9a-f]{24}$/.test(id) ? [] : [{ path: "id", message: "must be 24 lower-case hex digits" }]);
  const row = await findByObjectId(core, caller, "COTALKER", id);
  if (!row || !cotWebhook(row, caller)) throw new NotFoundError("the webhook");
  return row;
}

/** Any modification needs the header `Admin: true`, and the role. @throws ForbiddenError */
function demandAdmin({ request }: Call, caller: Caller): void {
  if (request.headers["admin"] !== "true") throw new ForbiddenError("a modification needs the header Admin: true");
  if (caller.role !== "ADMIN") throw new ForbiddenError("this needs the role admin");
}

async function list({ core, request }: Call, caller: Caller): Promise<CotWebhook[]> {
  const { isActive } = validate(selection, request.query);
  const rows = await listDefinitionsByOffset(core, caller, { dialect: "COTALKER" });
  const webhooks = rows.flatMap((row) => cotWebhook(row, caller) ?? []);
  return isActive === "all" ? webhooks : webhooks.filter((webhook) => String(webhook.isActive) === isActive);
}

async function create(call: Call, caller: Caller): Promise<unknown> {
  demandAdmin(call, caller);
  const input = validate(creation, jsonOf(call.request).value);
  const given = input.context ?? {};
  refuseIf(contextIssues(input.trigger, given));
  const settings = {
    name: input.name,
    code: input.code,
    description: input.description ?? null,
    dialect: "COTALKER",
    targetUrl: input.url,
    eventTypes: eventTypesOf(input.trigger),
    filter: filterOf(input.trigger, given),
    state: input.isActive === false ? "STOPPED" : "ACTIVE",
  } as const;
  const { definition } = await createDefinition(call.core, caller, settings, call.doors);
  return call.reply.code(201).send(shown(definition, caller));
}

function update(call: Call, caller: Caller): Promise<CotWebhook> {
  return onPresent(() => updatePresent(call, caller));
}

async function updatePresent(call: Call, caller: Caller): Promise<CotWebhook> {
  demandAdmin(call, caller);
  const present = await find(call, caller);
  const input = validate(change, jsonOf(call.request).value);
  refuseIf(
    input.code !== undefined && input.code !== present.code ? [{ path: "code", message: "cannot be changed once it is saved" }] : [],
  );
  const next = input.trigger ?? triggerOf(present.eventTypes) ?? "create-edit-delete-user";
  const merged = { ...shown(present, caller).context, ...input.context };
  const redirected = input.trigger !== undefined || input.context !== undefined;
  refuseIf(redirected ? contextIssues(next, merged) : []);
  const active = present.state === "ACTIVE";
  const settings = {
    ...(input.name !== undefined && { name: input.name }),
    ...(input.url !== undefined && { targetUrl: input.url }),
    ...(input.description !== undefined && { description: input.description }),
    ...(redirected && { eventTypes: eventTypesOf(next), filter: filterOf(next, merged) }),
    ...(input.isActive !== undefined &&
      input.isActive !== active && { state: input.isActive ? ("ACTIVE" as const) : ("STOPPED" as const) }),
  };
  const { definition } = await updateDefinition(call.core, caller, present.id, settings, call.doors, present.updatedAt);
  warn(call.reply, definition);
  return shown(definition, caller);
}

async function log(call: Call, caller: Caller): Promise<unknown> {
  const webhook = await find(call, caller);
  const tries = (webhook.retrySchedule ?? dialect.defaults.waits).length + 1;
  const page = validate(logPage, call.request.query);
  const attempts = await attemptsOfDefinition(call.core.db, caller.organizationId, webhook.id, page, tries);
  const [company, subscription] = [objectId(webhook.organizationId), objectId(webhook.id)];
  return attempts.map((attempt) => cotLog({ ...attempt, ...shownBodies(call.core, caller, attempt) }, company, subscription));
}
