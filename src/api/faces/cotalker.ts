/**
 * Cotalker's own REST API (contract T1–T27) over the same definitions, lanes and log as every other door.
 * Its ids are the last 24 hex digits of ours.
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import { z } from "zod";
import { authenticate } from "../../accounts/authenticate.ts";
import type { Caller } from "../../accounts/caller.ts";
import { checkPassword, createSession } from "../../accounts/sessions.ts";
import { createDefinition, updateDefinition } from "../../definitions/definitions.ts";
import { getDefinition, listDefinitionsByOffset } from "../../definitions/find.ts";
import type { DefinitionRow } from "../../definitions/settings.ts";
import { ForbiddenError, NotFoundError, UnauthenticatedError, ValidationError } from "../../errors.ts";
import { attemptsOfDefinition } from "../../requests/definition-attempts.ts";
import { cotalker } from "../../wire/dialects/cotalker.ts";
import { objectId } from "../../wire/ids.ts";
import { jsonOf } from "../body.ts";
import type { Doors } from "../doors.ts";
import { HTTP } from "../limits.ts";
import { bearerOf } from "../session.ts";
import { answerError, refuseIf } from "./cotalker/errors.ts";
import { cotLog } from "./cotalker/log.ts";
import { type CotWebhook, contextIssues, cotWebhook, eventTypesOf, filterOf, TRIGGER_NAMES, triggerOf } from "./cotalker/webhook.ts";

const SUBSCRIPTION = "/api/v3/webhook/subscription";
const DAY_SECONDS = 24 * 3600;
const MAX_LOGS = 1_000;

const text = z.string({ error: (issue) => (issue.input === undefined ? "is required" : "must be text") });
const trigger = z.enum(TRIGGER_NAMES, {
  error: (issue) => (issue.input === undefined ? "is required" : `must be one of ${TRIGGER_NAMES.join(", ")}`),
});
const context = z.object({ survey: text, group: text, taskGroup: text }).partial();
const credentials = z.object({ email: text, password: text });
const creation = z.object({
  name: text,
  code: text.optional(),
  url: text,
  trigger,
  description: text.optional(),
  context: context.optional(),
  isActive: z.boolean().optional(),
});
const change = z.object({
  name: text.optional(),
  code: text.optional(),
  url: text.optional(),
  trigger: trigger.optional(),
  description: text.optional(),
  context: context.optional(),
  isActive: z.boolean({ error: "must be true or false" }).optional(),
});
const activity = z.enum(["true", "false", "all"], { error: "must be true, false or all" }).default("all");
const count = (max: number) =>
  z.coerce
    .number({ error: "must be a number" })
    .int("must be a whole number")
    .min(0, "must not be negative")
    .max(max, `must be at most ${max}`);
const logPage = z.object({ limit: count(MAX_LOGS).default(100), skip: count(2 ** 31 - 1).default(0) });

interface Id {
  Params: { id: string };
}

export function cotalkerRoutes(doors: Doors): FastifyPluginAsync {
  const { core } = doors;

  /** @throws ValidationError for what is no ObjectId · NotFoundError */
  async function find(caller: Caller, id: string): Promise<DefinitionRow> {
    refuseIf(/^[0-9a-f]{24}$/.test(id) ? [] : [{ path: "id", message: "must be 24 lower-case hex digits" }]);
    const { rows } = await core.db.pool.query<{ id: string }>(
      `SELECT id FROM webhook_definition WHERE organization_id = $1 AND dialect = 'COTALKER' AND deleted_at IS NULL
         AND right(replace(id::text, '-', ''), 24) = $2`,
      [caller.organizationId, id],
    );
    const row = rows[0] ? await getDefinition(core, caller, { id: rows[0].id }) : null;
    if (!row || !cotWebhook(row)) throw new NotFoundError("the webhook");
    return row;
  }

  const shown = (row: DefinitionRow) => cotWebhook(row) as CotWebhook;

  return async (app) => {
    app.setErrorHandler(answerError(core.log));

    app.post("/auth/local", { bodyLimit: HTTP.signInBytes }, async (request, reply) => {
      const { email, password } = parse(credentials, request);
      const user = await checkPassword(core, email, password, request.ip);
      if (!user) throw new UnauthenticatedError("wrong e-mail address or password");
      const session = await createSession(core, {
        organizationId: user.organizationId,
        kind: "COTALKER",
        userId: user.id,
        passwordHash: user.passwordHash,
        address: request.ip,
        ttlSeconds: DAY_SECONDS,
      });
      return reply.header("cache-control", "no-store").send({ token: session.token });
    });

    app.get(SUBSCRIPTION, async (request) => {
      const caller = await signedIn(doors, request);
      const { isActive } = query(z.object({ isActive: activity }), request);
      const rows = await listDefinitionsByOffset(core, caller, { dialect: "COTALKER" });
      const webhooks = rows.flatMap((row) => cotWebhook(row) ?? []);
      return isActive === "all" ? webhooks : webhooks.filter((webhook) => String(webhook.isActive) === isActive);
    });

    app.get<Id>(`${SUBSCRIPTION}/:id`, async (request) => shown(await find(await signedIn(doors, request), request.params.id)));

    app.post(SUBSCRIPTION, async (request, reply) => {
      const caller = await administrator(doors, request);
      const input = parse(creation, request);
      const given = input.context ?? {};
      refuseIf(contextIssues(input.trigger, given));
      const { definition } = await createDefinition(
        core,
        caller,
        {
          name: input.name,
          code: input.code,
          description: input.description ?? null,
          dialect: "COTALKER",
          targetUrl: input.url,
          eventTypes: eventTypesOf(input.trigger),
          filter: filterOf(input.trigger, given),
          state: input.isActive === false ? "STOPPED" : "ACTIVE",
        },
        doors,
      );
      return reply.code(201).send(shown(definition));
    });

    app.patch<Id>(`${SUBSCRIPTION}/:id`, async (request) => {
      const caller = await administrator(doors, request);
      const present = await find(caller, request.params.id);
      const input = parse(change, request);
      refuseIf(
        input.code !== undefined && input.code !== present.code ? [{ path: "code", message: "cannot be changed once it is saved" }] : [],
      );
      const next = input.trigger ?? triggerOf(present.eventTypes) ?? "create-edit-delete-user";
      const merged = { ...shown(present).context, ...input.context };
      const redirected = input.trigger !== undefined || input.context !== undefined;
      refuseIf(redirected ? contextIssues(next, merged) : []);
      const { definition } = await updateDefinition(
        core,
        caller,
        present.id,
        {
          ...(input.name !== undefined && { name: input.name }),
          ...(input.url !== undefined && { targetUrl: input.url }),
          ...(input.description !== undefined && { description: input.description }),
          ...(redirected && { eventTypes: eventTypesOf(next), filter: filterOf(next, merged) }),
          ...(input.isActive !== undefined &&
            input.isActive !== (present.state === "ACTIVE") && { state: input.isActive ? "ACTIVE" : "STOPPED" }),
        },
        doors,
      );
      return shown(definition);
    });

    app.get<Id>(`${SUBSCRIPTION}/logs/:id`, async (request) => {
      const caller = await signedIn(doors, request);
      const webhook = await find(caller, request.params.id);
      const tries = (webhook.retrySchedule ?? cotalker.defaults.waits).length + 1;
      const attempts = await attemptsOfDefinition(core.db, caller.organizationId, webhook.id, query(logPage, request), tries);
      const [company, subscription] = [objectId(webhook.organizationId), objectId(webhook.id)];
      return attempts.map((attempt) => cotLog(attempt, company, subscription));
    });
  };
}

/** By an API token, or by what /auth/local gave. @throws UnauthenticatedError */
async function signedIn({ core }: Doors, request: FastifyRequest): Promise<Caller> {
  const token = bearerOf(request.headers.authorization);
  const credential = token === undefined ? undefined : await authenticate(core, token, ["COTALKER"]);
  if (!credential) throw new UnauthenticatedError();
  return { ...credential.caller, address: request.ip };
}

/** Any modification needs the header `Admin: true`, and the role. */
async function administrator(doors: Doors, request: FastifyRequest): Promise<Caller> {
  const caller = await signedIn(doors, request);
  if (request.headers["admin"] !== "true") throw new ForbiddenError("a modification needs the header Admin: true");
  if (caller.role !== "ADMIN") throw new ForbiddenError("this needs the role admin");
  return caller;
}

function issuesOf(error: z.ZodError): ValidationError {
  return new ValidationError(error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message })));
}

/** @throws ValidationError */
function parse<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const parsed = schema.safeParse(jsonOf(request).value);
  if (!parsed.success) throw issuesOf(parsed.error);
  return parsed.data;
}

/** @throws ValidationError */
function query<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const parsed = schema.safeParse(request.query);
  if (!parsed.success) throw issuesOf(parsed.error);
  return parsed.data;
}
