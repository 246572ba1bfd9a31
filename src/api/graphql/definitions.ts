/** Webhook definitions: which events go where, and how. Their mutations stand in definition-mutations.ts. */
import { definitionFacts } from "../../definitions/facts.ts";
import { countDefinitions, type DefinitionKey, getDefinition, getDefinitions, listDefinitions } from "../../definitions/find.ts";
import { shownHeaders, shownProperties, shownUrl } from "../../definitions/headers.ts";
import type { DefinitionRow } from "../../definitions/settings.ts";
import { policyOf } from "../../delivery/plan.ts";
import { BadInputError } from "../../errors.ts";
import { numberKey, pageCursor, pageOf } from "../../requests/page.ts";
import type { Policy as PolicyShape } from "../../wire/dialect.ts";
import { idOf } from "../../wire/ids.ts";
import { builder, guardNode } from "./builder.ts";
import { Connection } from "./connections.ts";
import { type Context, callerOf } from "./context.ts";
import {
  Dialect,
  HmacAlgorithm,
  HmacEncoding,
  OnExhausted,
  Ordering,
  SignatureVersion,
  TargetType,
  WebhookDefinitionState,
} from "./definition-enums.ts";
import { exactJson } from "./exact-json.ts";
import { byId, inOrder, loader } from "./loader.ts";
import { WebhookDefinition } from "./nodes.ts";
import { connectionType, pageOfRows } from "./page.ts";
import { Script } from "./scripts.ts";
import { SecretKey } from "./secret-keys.ts";

const exactFilter = exactJson("webhook_definition", "filter");

const Policy = builder.objectRef<PolicyShape>("Policy").implement({
  description: "What really applies: the definition's own settings over its dialect's.",
  fields: (t) => ({
    ordering: t.expose("ordering", { type: Ordering, description: "Which requests wait for each other." }),
    concurrency: t.exposeInt("concurrency", { description: "Requests in flight at once; 1 unless the ordering is NONE." }),
    onExhausted: t.expose("onExhausted", { type: OnExhausted, description: "What happens when the schedule is used up." }),
    retrySchedule: t.field({
      type: ["Float"],
      description: "The waits in seconds after the 1st, 2nd … failed attempt.",
      resolve: (policy) => [...policy.waits],
    }),
    timeoutMs: t.exposeInt("timeoutMs", { description: "How long one attempt may take, in milliseconds." }),
    maxConsecutiveErrors: t.exposeInt("maxConsecutiveErrors", {
      nullable: true,
      description: "Failed attempts in a row that stop it; null: never.",
    }),
  }),
});

const facts = loader((context, ids) => definitionFacts(context.doors.core, callerOf(context).organizationId, ids));
const connections = loader(async (context, ids) => {
  const { organizationId } = callerOf(context);
  return byId(await context.doors.core.db.prisma.connection.findMany({ where: { organizationId, id: { in: ids } } }));
});
const scripts = loader(async (context, ids) => {
  const { organizationId } = callerOf(context);
  return byId(await context.doors.core.db.prisma.script.findMany({ where: { organizationId, id: { in: ids } } }));
});
const secretKeys = loader(async (context, ids) => {
  const { organizationId } = callerOf(context);
  return byId(await context.doors.core.db.prisma.secretKey.findMany({ where: { organizationId, id: { in: ids } } }));
});
const related = async <Row>(load: (context: Context, id: string) => Promise<Row | undefined>, context: Context, id: string | null) =>
  id === null ? null : ((await load(context, id)) ?? null);

const WebhookDefinitionConnection = connectionType("WebhookDefinition", WebhookDefinition);

guardNode("WebhookDefinition", "webhooks:read");
builder.node(WebhookDefinition, {
  description: "Which events go where, and how.",
  id: { resolve: (definition) => definition.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "eventTypes" in value && "dialect" in value,
  loadManyWithoutCache: async (ids, context) => inOrder(ids, await getDefinitions(context.doors.core, callerOf(context), ids)),
  fields: (t) => ({
    number: t.exposeInt("number", { description: "Counts up from 1 in the organization; never reused." }),
    code: t.exposeString("code", { description: "How other systems name it: unique in the organization, never changed." }),
    name: t.exposeString("name", { description: "Its name, for people." }),
    description: t.exposeString("description", { nullable: true, description: "What it is for." }),
    state: t.expose("state", { type: WebhookDefinitionState, description: "Only an ACTIVE one is given new events and sends." }),
    stateReason: t.exposeString("stateReason", { nullable: true, description: "Why it is not ACTIVE." }),
    dialect: t.expose("dialect", { type: Dialect, description: "How its receivers want it: body, headers, signature, success, retries." }),
    eventTypes: t.exposeStringList("eventTypes", {
      description: "Which events: exact types, families such as `order.*`, or `*`. Empty: only workflow rules trigger it.",
    }),
    filter: t.field({
      type: "JSON",
      nullable: true,
      description: "A condition that the event must meet; numbers as they were written.",
      resolve: (definition, _args, context) => exactFilter(definition, definition.filter, context),
    }),
    targetType: t.expose("targetType", { type: TargetType, description: "Whether a URL is called or a script is run." }),
    targetUrl: t.string({
      nullable: true,
      description: "Where to, in its canonical form; without `secrets:read` query values and keys in its path are shown as ***.",
      resolve: (definition, _args, context) => shownUrl(callerOf(context), definition.targetUrl),
    }),
    connection: t.field({
      type: Connection,
      nullable: true,
      description: "The shared target that it uses, with a URL per record action.",
      resolve: ({ connectionId }, _args, context) => related(connections, context, connectionId),
    }),
    script: t.field({
      type: Script,
      nullable: true,
      description: "The script that runs instead of a call.",
      resolve: ({ scriptId }, _args, context) => related(scripts, context, scriptId),
    }),
    headers: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Custom headers, {name: value}. Credentials are shown as *** to everybody, other values to those without `secrets:read` unless they are public.",
      resolve: (definition, _args, context) => shownHeaders(context.doors.core, callerOf(context), definition),
    }),
    publicHeaders: t.exposeStringList("publicHeaders", { description: "Names of headers whose values everybody may see." }),
    properties: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Custom values at the root of the body; numbers as they are sent. Without `secrets:read` those that are not public are shown as ***.",
      resolve: (definition, _args, context) => shownProperties(context.doors.core, callerOf(context), definition),
    }),
    publicProperties: t.exposeStringList("publicProperties", { description: "Names of properties whose values everybody may see." }),
    warning: t.exposeString("warning", {
      nullable: true,
      description: "What its last change of target took away, and why: hidden values never go along to another origin. Null: nothing.",
    }),
    ordering: t.expose("ordering", { type: Ordering, nullable: true, description: "Its own setting; null: as the dialect says." }),
    concurrency: t.exposeInt("concurrency", { nullable: true, description: "Its own setting; null: as the dialect says." }),
    onExhausted: t.expose("onExhausted", { type: OnExhausted, nullable: true, description: "Its own setting; null: as the dialect says." }),
    retrySchedule: t.field({
      type: ["Float"],
      nullable: true,
      description: "Its own waits in seconds; [] is one attempt; null: as the dialect says.",
      resolve: ({ retrySchedule, retryScheduleSet }) => (retryScheduleSet ? retrySchedule : null),
    }),
    maxConsecutiveErrors: t.exposeInt("maxConsecutiveErrors", {
      nullable: true,
      description: "Its own setting; null: as the dialect says, or never. `policy` tells which.",
    }),
    timeoutMs: t.exposeInt("timeoutMs", { nullable: true, description: "Its own setting; null: as the dialect says." }),
    policy: t.field({ type: Policy, description: "What really applies.", resolve: effectivePolicy }),
    signatureVersions: t.field({
      type: [SignatureVersion],
      description: "The Standard Webhooks signatures it carries when it has a signing secret.",
      resolve: (definition) => definition.signatureVersions,
    }),
    signingPublicKey: t.string({
      nullable: true,
      description: "What receivers verify V1A with: `whpk_…`.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.signingPublicKey ?? null,
    }),
    signingSecretLastFour: t.string({
      nullable: true,
      description: "The last four characters of its current signing secret; null when it has none.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.signingSecretLastFour ?? null,
    }),
    fieldsSet: t.exposeStringList("fieldsSet", { description: "Dotted paths of the payload to send; empty: all of it." }),
    secretKey: t.field({
      type: SecretKey,
      nullable: true,
      description: "The named HMAC key of a CRMCOM definition.",
      resolve: ({ secretKeyId }, _args, context) => related(secretKeys, context, secretKeyId),
    }),
    hmacAlgorithm: t.expose("hmacAlgorithm", { type: HmacAlgorithm, description: "With the secret key." }),
    hmacEncoding: t.expose("hmacEncoding", { type: HmacEncoding, description: "With the secret key." }),
    transformation: t.exposeString("transformation", { nullable: true, description: "JavaScript that makes the body." }),
    payloadQuery: t.exposeString("payloadQuery", { nullable: true, description: "A GraphQL query whose data is the body." }),
    errorsEmail: t.exposeString("errorsEmail", { nullable: true, description: "Mailed when its state becomes TOO_MANY_ERRORS." }),
    totalCalls: t.field({
      type: "SafeInt",
      description: "Attempts made so far.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.totalCalls ?? 0,
    }),
    totalErrors: t.field({
      type: "SafeInt",
      description: "Failed attempts so far.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.totalErrors ?? 0,
    }),
    consecutiveErrors: t.int({
      description: "Failed attempts in a row, over all its requests; a success sets it to 0.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.consecutiveErrors ?? 0,
    }),
    lastError: t.string({
      nullable: true,
      description: "The last failed answer, or `CODE: message`.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.lastError ?? null,
    }),
    lastAttemptAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it last called.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.lastAttemptAt ?? null,
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When its settings or state last changed." }),
    deletedAt: t.expose("deletedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was deleted; its requests keep naming it.",
    }),
  }),
});

function effectivePolicy(row: DefinitionRow): PolicyShape {
  return policyOf(row.dialect, {
    ordering: row.ordering,
    concurrency: row.concurrency,
    on_exhausted: row.onExhausted,
    retry_schedule: row.retrySchedule,
    retry_schedule_set: row.retryScheduleSet,
    max_consecutive_errors: row.maxConsecutiveErrors,
    max_consecutive_errors_set: row.maxConsecutiveErrorsSet,
    timeout_ms: row.timeoutMs,
  });
}

const WebhookDefinitionFilter = builder.inputType("WebhookDefinitionFilter", {
  description: "All given clauses must hold.",
  fields: (t) => ({
    state: t.field({ type: [WebhookDefinitionState], description: "One of these states." }),
    dialect: t.field({ type: Dialect, description: "Of this dialect." }),
    search: t.string({ description: "Anywhere in name, code, description or target, without regard to case." }),
    eventType: t.string({ description: "One of its event types is exactly this, without regard to case." }),
  }),
});

/** Exactly one of them. @throws BadInputError */
function keyOf(args: {
  id?: string | null | undefined;
  code?: string | null | undefined;
  number?: number | null | undefined;
}): DefinitionKey | undefined {
  const named = (["id", "code", "number"] as const).filter((name) => args[name] != null);
  if (named.length !== 1) throw new BadInputError("give exactly one of id, code and number");
  if (args.code != null) return { code: args.code };
  if (args.number != null) return { number: args.number };
  const id = idOf("WebhookDefinition", args.id ?? "");
  return id === undefined ? undefined : { id };
}

builder.queryFields((t) => ({
  webhookDefinition: t.field({
    type: WebhookDefinition,
    nullable: true,
    description: "A definition by exactly one of id, code and number; null when it is unknown or deleted.",
    authScopes: { scope: "webhooks:read" },
    args: {
      id: t.arg.id({ description: "Its global id." }),
      code: t.arg.string({ description: "Its code." }),
      number: t.arg.int({ description: "Its number." }),
    },
    resolve: (_root, args, context) => {
      const key = keyOf(args);
      return key ? getDefinition(context.doors.core, callerOf(context), key) : null;
    },
  }),
  webhookDefinitions: t.field({
    type: WebhookDefinitionConnection,
    description: "The definitions of the organization, newest first.",
    authScopes: { scope: "webhooks:read" },
    args: {
      filter: t.arg({ type: WebhookDefinitionFilter, description: "Which." }),
      ...t.arg.connectionArgs(),
    },
    resolve: async (_root, { filter: asked, ...args }, context) => {
      const caller = callerOf(context);
      const filter = Object.fromEntries(Object.entries(asked ?? {}).filter(([, value]) => value !== null));
      return pageOfRows(
        await listDefinitions(context.doors.core, caller, filter, pageOf(args, "webhookDefinitions", numberKey)),
        (definition) => pageCursor("webhookDefinitions", definition.number),
        () => countDefinitions(context.doors.core, caller, filter),
      );
    },
  }),
}));
