/** Webhook definitions: which events go where, and how. Their mutations stand in definition-mutations.ts. */
import { definitionFacts } from "../../definitions/facts.ts";
import { countDefinitions, type DefinitionKey, type DefinitionsAlong, getDefinition, listDefinitions } from "../../definitions/find.ts";
import { shownHeaders, shownProperties, shownUrl } from "../../definitions/headers.ts";
import type { DefinitionRow } from "../../definitions/settings.ts";
import { policyOf } from "../../delivery/plan.ts";
import { BadInputError } from "../../errors.ts";
import { listKind, numberKey, pageCursor, pageOf } from "../../requests/page.ts";
import type { Policy as PolicyShape } from "../../wire/dialect.ts";
import { idOf } from "../../wire/ids.ts";
import { checkFilterTexts } from "../filter-texts.ts";
import { builder, owned } from "./builder.ts";
import { callerOf } from "./context.ts";
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
import { loader } from "./loader.ts";
import { WebhookDefinition } from "./nodes.ts";
import { along, connectionType, pageOfRows } from "./page.ts";

const exactFilter = exactJson("webhook_definition", "filter");

const Policy = builder.objectRef<PolicyShape>("Policy").implement({
  description: "What really applies to a definition: its own settings, and those of its dialect where it has none.",
  fields: (t) => ({
    ordering: t.expose("ordering", { type: Ordering, description: "Which of its requests wait for each other." }),
    concurrency: t.exposeInt("concurrency", { description: "How many requests are in flight at once; 1 unless the ordering is NONE." }),
    onExhausted: t.expose("onExhausted", { type: OnExhausted, description: "What happens to a request that failed after every wait." }),
    retrySchedule: t.field({
      type: ["Float"],
      description: "Waits in seconds after the 1st, 2nd … failed attempt: there is one attempt more than waits.",
      resolve: (policy) => [...policy.waits],
    }),
    timeoutMs: t.exposeInt("timeoutMs", { description: "Milliseconds after which an attempt without an answer is TIMED_OUT." }),
    maxConsecutiveErrors: t.exposeInt("maxConsecutiveErrors", {
      nullable: true,
      description: "Failed attempts in a row, over all its requests, that stop the definition; null: none do.",
    }),
  }),
});

const facts = loader((context, ids) => definitionFacts(context.doors.core, callerOf(context).organizationId, ids));

builder.prismaNode("WebhookDefinition", {
  ...owned("WebhookDefinition", "webhooks:read", { living: true }),
  description:
    "Which events go to which receiver, and how: matching, shaping, signing, order and retries. For each event that it takes there is one WebhookRequest.",
  fields: (t) => ({
    number: t.exposeInt("number", {
      description: "Counts up from 1 in the organization without gaps, and is never given again; SuperOffice's WebhookId.",
    }),
    code: t.exposeString("code", { description: "How other systems name it: unique among the organization's definitions, never changed." }),
    name: t.exposeString("name", { description: "For people; two definitions may have the same, unless both are CRMCOM." }),
    description: t.exposeString("description", {
      nullable: true,
      description: "For people: what the definition is for; null when nobody said.",
    }),
    state: t.expose("state", {
      type: WebhookDefinitionState,
      description: "Only an ACTIVE definition is given new events and sends its queue.",
    }),
    stateReason: t.exposeString("stateReason", { nullable: true, description: "For people: who or what stopped it; null while ACTIVE." }),
    dialect: t.expose("dialect", {
      type: Dialect,
      description: "The family of its receiver: body, headers, signature, what is success, and the policy where it has none of its own.",
    }),
    eventTypes: t.exposeStringList("eventTypes", {
      description:
        "Takes events of these types: exact ones, families such as `order.*`, or `*` for all. Empty: only workflow rules trigger it.",
    }),
    filter: t.field({
      type: "JSON",
      nullable: true,
      description: "A condition that an event of these types must meet too, numbers as they were written; null: all are taken.",
      resolve: (definition, _args, context) => exactFilter(definition, definition.filter, context),
    }),
    targetType: t.expose("targetType", {
      type: TargetType,
      description: "Whether a URL is called or a script runs; it follows from what the target is.",
    }),
    targetUrl: t.string({
      nullable: true,
      description:
        "The URL that is called, in canonical form (`https://Shop.example` is shown as `https://shop.example/`); null with a connection or script. Without `secrets:read` query values and keys in its path are `***`.",
      resolve: (definition, _args, context) => shownUrl(callerOf(context), definition.targetUrl),
    }),
    application: t.relation("customer", {
      nullable: true,
      description: "Whose definition it is: it takes the events of that application alone. Null: the organization's own, which takes all.",
    }),
    connection: t.relation("connection", {
      nullable: true,
      description: "The shared target whose URLs and headers it uses; null when it has a target of its own.",
    }),
    script: t.relation("script", {
      nullable: true,
      description: "What runs here instead of a call; null unless the targetType is CRMSCRIPT.",
    }),
    headers: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Headers that go with every call, `{name: value}`; credentials are shown as `***`, without `secrets:read` other values too unless they are public.",
      resolve: (definition, _args, context) => shownHeaders(context.doors.core, callerOf(context), definition),
    }),
    publicHeaders: t.exposeStringList("publicHeaders", { description: "Names of the headers whose values everybody may see." }),
    properties: t.field({
      type: "JSON",
      nullable: true,
      description:
        "Values that stand at the root of every body, `{name: value}`, numbers as they are sent; keys of the dialect win. Without `secrets:read` those that are not public are `***`.",
      resolve: (definition, _args, context) => shownProperties(context.doors.core, callerOf(context), definition),
    }),
    publicProperties: t.exposeStringList("publicProperties", { description: "Names of the properties whose values everybody may see." }),
    warning: t.exposeString("warning", {
      nullable: true,
      description: "What the last change of target took away, and why: hidden values do not go along to another origin. Null: nothing.",
    }),
    ordering: t.expose("ordering", {
      type: Ordering,
      nullable: true,
      description: "Its own choice of which requests wait for each other; null: its dialect's, which `policy` tells.",
    }),
    concurrency: t.exposeInt("concurrency", {
      nullable: true,
      description: "Its own limit of requests in flight with ordering NONE; null: the default, which `policy` tells.",
    }),
    onExhausted: t.expose("onExhausted", {
      type: OnExhausted,
      nullable: true,
      description: "Its own choice of what happens when the schedule is used up; null: its dialect's, which `policy` tells.",
    }),
    retrySchedule: t.field({
      type: ["Float"],
      nullable: true,
      description: "Its own waits in seconds, `[]` for a single attempt; null: its dialect's, which `policy` tells.",
      resolve: ({ retrySchedule, retryScheduleSet }) => (retryScheduleSet ? retrySchedule : null),
    }),
    maxConsecutiveErrors: t.exposeInt("maxConsecutiveErrors", {
      nullable: true,
      description: "Its own limit of failed attempts in a row; null: its dialect's, or none at all. `policy` tells which.",
    }),
    timeoutMs: t.exposeInt("timeoutMs", {
      nullable: true,
      description: "Its own limit of an attempt in milliseconds; null: its dialect's, which `policy` tells.",
    }),
    policy: t.field({
      type: Policy,
      description: "Its own settings laid over those of its dialect: what sending goes by.",
      resolve: effectivePolicy,
    }),
    signatureVersions: t.field({
      type: [SignatureVersion],
      description: "Which Standard Webhooks signatures its requests carry; without a signing secret they carry none.",
      resolve: (definition) => definition.signatureVersions,
    }),
    signingPublicKey: t.string({
      nullable: true,
      description: "What receivers verify V1A signatures with, `whpk_…`; null without V1A.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.signingPublicKey ?? null,
    }),
    signingSecretLastFour: t.string({
      nullable: true,
      description: "The end of the current signing secret, to tell it from others; null without one.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.signingSecretLastFour ?? null,
    }),
    fieldsSet: t.exposeStringList("fieldsSet", {
      description: "Dotted paths of the payload that are sent, such as `activity.id`; empty: all of it.",
    }),
    secretKey: t.relation("secretKey", {
      nullable: true,
      description: "The named HMAC key that makes the authentication code of a CRMCOM body; null: there is no code.",
    }),
    hmacAlgorithm: t.expose("hmacAlgorithm", {
      type: HmacAlgorithm,
      description: "The hash of the authentication code; without a secret key it does nothing.",
    }),
    hmacEncoding: t.expose("hmacEncoding", {
      type: HmacEncoding,
      description: "How the authentication code is written; without a secret key it does nothing.",
    }),
    transformation: t.exposeString("transformation", {
      nullable: true,
      description: "JavaScript with a function `transform(event)` that makes body, headers and URL suffix; null: the dialect makes them.",
    }),
    payloadQuery: t.exposeString("payloadQuery", {
      nullable: true,
      description:
        'A GraphQL query over the event, such as `{ event { id payload(path: "total") } }`, whose data, at most 1 MiB, is the body; null: the dialect makes it.',
    }),
    errorsEmail: t.exposeString("errorsEmail", {
      nullable: true,
      description: "The address that is mailed when the state becomes TOO_MANY_ERRORS; null: nobody.",
    }),
    totalCalls: t.field({
      type: "SafeInt",
      description: "How many attempts were made for all its requests, successful ones included.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.totalCalls ?? 0,
    }),
    totalErrors: t.field({
      type: "SafeInt",
      description: "How many of those attempts failed.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.totalErrors ?? 0,
    }),
    consecutiveErrors: t.int({
      description: "Failed attempts in a row, over all its requests; a success or an activation sets it to 0.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.consecutiveErrors ?? 0,
    }),
    lastError: t.string({
      nullable: true,
      description:
        "The body of the latest failed answer, or `CODE: message` where there was none: at most 4000 characters. Null before the first.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.lastError ?? null,
    }),
    lastAttemptAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When its latest attempt began; null before the first.",
      resolve: async ({ id }, _args, context) => (await facts(context, id))?.lastAttemptAt ?? null,
    }),
    createdAt: t.expose("createdAt", {
      type: "DateTime",
      description: "When createWebhookDefinition was called; lists are in this order.",
    }),
    updatedAt: t.expose("updatedAt", {
      type: "DateTime",
      description: "When a setting or the state last changed; deliveries do not count.",
    }),
    stoppedAt: t.expose("stoppedAt", {
      type: "DateTime",
      nullable: true,
      description: "Since when it is not ACTIVE: events accepted from then on make no request. Null while it is ACTIVE.",
    }),
    deletedAt: t.expose("deletedAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was deleted; lists leave it out since, and its requests keep naming it.",
    }),
  }),
});
export const WebhookDefinitionConnection = connectionType("WebhookDefinition", WebhookDefinition);

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
  description: "Narrows a list of definitions: all that is given must hold. A text has at most 2 048 characters.",
  fields: (t) => ({
    state: t.field({ type: [WebhookDefinitionState], description: "Definitions in one of these states; an empty list matches none." }),
    dialect: t.field({ type: Dialect, description: "Only those for this family of receivers." }),
    search: t.string({
      description:
        "A text that stands anywhere in name, code, description or target URL, whatever its case; beyond ASCII as `payloadContains` of EventFilter.",
    }),
    eventType: t.string({
      description: "Names this among its event types, whatever its case: `order.*` finds the family, not its members.",
    }),
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
    description: "One definition by exactly one of id, code and number; null when it is unknown, deleted or another organization's.",
    authScopes: { scope: "webhooks:read" },
    args: {
      id: t.arg.id({ description: "Global id, `whd_…`." }),
      code: t.arg.string({ description: "The code given or made when it was created, such as `orders`; case counts." }),
      number: t.arg.int({ description: "The number that it got when it was created, from 1." }),
    },
    resolve: (_root, args, context, info) => {
      const key = keyOf(args);
      return key ? getDefinition(context.doors.core, callerOf(context), key, along<DefinitionsAlong>(context, info, [])) : null;
    },
  }),
  webhookDefinitions: t.field({
    type: WebhookDefinitionConnection,
    description: "The definitions of the organization, newest first, without deleted ones. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: {
      filter: t.arg({ type: WebhookDefinitionFilter, description: "Only definitions that match; all when absent." }),
      ...t.arg.connectionArgs(),
    },
    resolve: async (_root, { filter: asked, ...args }, context, info) => {
      const caller = callerOf(context);
      const filter = Object.fromEntries(Object.entries(asked ?? {}).filter(([, value]) => value !== null));
      checkFilterTexts(filter);
      const kind = listKind("webhookDefinitions", caller.organizationId);
      return pageOfRows(
        await listDefinitions(context.doors.core, caller, filter, pageOf(args, kind, numberKey), along<DefinitionsAlong>(context, info)),
        (definition) => pageCursor(kind, definition.number),
        () => countDefinitions(context.doors.core, caller, filter),
      );
    },
  }),
}));
