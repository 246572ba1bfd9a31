/** Webhook definitions made, changed, stopped, activated, deleted; their secrets rotated. */
import type { InputShapeFromFields } from "@pothos/core";
import type { Caller } from "../../accounts/caller.ts";
import { createDefinition, deleteDefinition, rotateSigningSecret, updateDefinition } from "../../definitions/definitions.ts";
import type { DefinitionRow, DefinitionSettings } from "../../definitions/settings.ts";
import { activateDefinitions, type StateChange, stateEvents, stopDefinitions } from "../../definitions/state.ts";
import { recoverMissed } from "../../events/recovery.ts";
import type { ReplayRow } from "../../requests/replay.ts";
import { dialects } from "../../wire/dialects.ts";
import type { Doors } from "../doors.ts";
import { builder } from "./builder.ts";
import { given, unchangedFields } from "./changes.ts";
import { Dialect, HmacAlgorithm, HmacEncoding, OnExhausted, Ordering, SignatureVersion, TargetType } from "./definition-enums.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { WebhookDefinition } from "./nodes.ts";
import { Replay } from "./replays.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">;

const EVENT_TYPES =
  "Event types to take: exact ones, families such as `order.*`, or `*` for all; at most 200. Empty: only workflow rules trigger it.";

const settingFields = (t: InputFieldBuilder) => ({
  description: t.string({ description: "For people: what the definition is for, in at most 4000 characters." }),
  targetUrl: t.string({
    description:
      "The URL to call, unless a connection or a script is the target: https, or http to an address inside HOOKLINE_EGRESS_ALLOW. Names are resolved when it is called.",
  }),
  applicationId: t.id({
    description:
      "Whose definition it is: it takes the events of that application alone. Null: the organization's own, which takes all. NotFoundError for an unknown one.",
  }),
  connectionId: t.id({
    description: "A shared target whose URLs and headers to use in place of `targetUrl`; NotFoundError for an unknown one.",
  }),
  scriptId: t.id({ description: "A script to run here in place of a call; NotFoundError for an unknown one." }),
  targetType: t.field({
    type: TargetType,
    description: "Follows from the target and need not be given: a script makes it CRMSCRIPT, WEBHOOK takes the script away.",
  }),
  filter: t.field({
    type: "JSON",
    description:
      'A condition over payload, scope, type, entity, entityId, actor and changes, such as `{"payload": {"total": {"$gt": 100}}}`. ' +
      "Operators: $eq $ne $gt $gte $lt $lte $in $nin $exists $and $or $not $all $elemMatch; at most 200 of them, 10 deep. Null: every event.",
  }),
  ordering: t.field({
    type: Ordering,
    description: "Which requests wait for each other; null: as the dialect says. What is queued keeps its order.",
  }),
  concurrency: t.int({
    description:
      "How many requests may be in flight at once with ordering NONE: 1 to 100. Null: 16, or 10 where the dialect itself is ordered NONE.",
  }),
  onExhausted: t.field({
    type: OnExhausted,
    description: "What happens to a request that failed after every wait; null: as the dialect says.",
  }),
  retrySchedule: t.floatList({
    description:
      "Waits in seconds after the 1st, 2nd … failed attempt, such as `[5, 300]`: at most 20, each 0 to 604800, `[]` for a single attempt; null: as the dialect says.",
  }),
  maxConsecutiveErrors: t.int({
    description: "Failed attempts in a row, over all its requests, that stop it: 1 to 1 000 000; null: none do, whatever the dialect says.",
  }),
  timeoutMs: t.int({
    description: "Milliseconds after which an attempt without an answer is TIMED_OUT: 100 to 60000; null: as the dialect says.",
  }),
  headers: t.field({
    type: "JSON",
    description:
      'Headers to go with every call, such as `{"Authorization": "Bearer x"}`: at most 20, encrypted at rest. They replace the former ones, and `***` keeps the value of a masked one.',
  }),
  publicHeaders: t.stringList({
    description: "Names of headers whose values everybody may see, such as `X-Region`; credentials are refused. Null: as it was.",
  }),
  properties: t.field({
    type: "JSON",
    description:
      'Values to stand at the root of every body, such as `{"region": "eu"}`: an object of at most 64 KiB, encrypted at rest; keys of the dialect win, and `***` keeps the value of a masked one.',
  }),
  publicProperties: t.stringList({
    description: "Names of properties whose values everybody may see, such as `region`; names of secrets are refused. Null: as it was.",
  }),
  fieldsSet: t.stringList({
    description:
      "Dotted paths of the payload to send, such as `activity.id`: at most 100, what is missing is left out; empty or null: all of it.",
  }),
  secretKeyId: t.id({ description: "The named HMAC key that makes a CRMCOM body's authentication code; null: no code." }),
  transformation: t.string({
    description:
      "JavaScript that defines `function transform(event)` and returns `{body, headers?, urlSuffix?}`, or null to send nothing. It runs in a sandbox, for 1 s at most; dryRunTransformation tries it out.",
  }),
  payloadQuery: t.string({
    description:
      'One GraphQL query over the event, such as `{ event { id payload(path: "total") } }`, whose data is the body, byte for byte what is signed.',
  }),
  errorsEmail: t.string({
    description: "One address to mail when the state becomes TOO_MANY_ERRORS; nothing is mailed without HOOKLINE_SMTP_URL.",
  }),
});

/** Ids of the input as ours. @throws NotFoundError for one that is no id of its type */
function settingsOf(input: InputShapeFromFields<ReturnType<typeof settingFields>>): DefinitionSettings {
  const { applicationId, connectionId, scriptId, secretKeyId, publicHeaders, publicProperties, ...settings } = input;
  return {
    ...settings,
    ...(publicHeaders && { publicHeaders }),
    ...(publicProperties && { publicProperties }),
    ...(applicationId !== undefined && { applicationId: applicationId === null ? null : uuidOf("Application", applicationId) }),
    ...(connectionId !== undefined && { connectionId: connectionId === null ? null : uuidOf("Connection", connectionId) }),
    ...(scriptId !== undefined && { scriptId: scriptId === null ? null : uuidOf("Script", scriptId) }),
    ...(secretKeyId !== undefined && { secretKeyId: secretKeyId === null ? null : uuidOf("SecretKey", secretKeyId) }),
  };
}

/** SuperOffice's receivers may subscribe to the changes of a definition's state. */
async function announce(doors: Doors, { organizationId, trace }: Caller, changes: readonly StateChange[]): Promise<void> {
  const events = stateEvents(changes);
  if (events.length > 0) await doors.ingest.emit(organizationId, events, { exempt: true, trace });
}

const CreatedWebhookDefinition = builder
  .objectRef<{ definition: DefinitionRow; signingSecret: string | null }>("CreatedWebhookDefinition")
  .implement({
    description: "What createWebhookDefinition made, with the secret that is shown this once.",
    fields: (t) => ({
      definition: t.field({
        type: WebhookDefinition,
        description: "ACTIVE already: events accepted from now on are matched against it.",
        resolve: (created) => created.definition,
      }),
      signingSecret: t.exposeString("signingSecret", {
        nullable: true,
        description:
          "`whsec_…`, for the receiver to verify with; never shown again. Null when it is not signed, and with V1A alone, whose key is `signingPublicKey`.",
      }),
    }),
  });

mutation("createWebhookDefinition", {
  description: "Makes a definition, ACTIVE from the start: events accepted from now on are matched against it, former ones are not.",
  type: CreatedWebhookDefinition,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "1 to 400 characters, for people." }),
    code: t.string({
      description:
        "1 to 100 lower-case letters, digits and underscores, unique in the organization, never changed; made from the name when absent.",
    }),
    eventTypes: t.stringList({
      required: true,
      description: EVENT_TYPES,
    }),
    dialect: t.field({
      type: Dialect,
      defaultValue: "STANDARD",
      description: "The family of the receiver; it decides body, headers, signature and success.",
    }),
    signatureVersions: t.field({
      type: [SignatureVersion],
      defaultValue: ["V1"],
      description: "Which Standard Webhooks signatures requests carry, at least one; they need a signing secret.",
    }),
    hmacAlgorithm: t.field({
      type: HmacAlgorithm,
      defaultValue: "SHA256",
      description: "The hash of a CRMCOM body's authentication code.",
    }),
    hmacEncoding: t.field({ type: HmacEncoding, defaultValue: "HEX", description: "How a CRMCOM body's authentication code is written." }),
    signed: t.boolean({ description: "Whether to make a signing secret; when absent the dialects STANDARD and SUPEROFFICE get one." }),
    ...settingFields(t),
  }),
  resolve: async (
    { name, code, eventTypes, dialect, signatureVersions, hmacAlgorithm, hmacEncoding, signed, ...settings },
    { doors, caller },
  ) => {
    const isSigned = signed ?? dialects[dialect ?? "STANDARD"].signed;
    const input = {
      ...settingsOf(settings),
      ...{ name, code, eventTypes, dialect: dialect ?? undefined, signatureVersions: signatureVersions ?? undefined },
      ...{ hmacAlgorithm: hmacAlgorithm ?? undefined, hmacEncoding: hmacEncoding ?? undefined },
      signing: isSigned ? ("GENERATE" as const) : ("NONE" as const),
    };
    return createDefinition(doors.core, caller, input, doors);
  },
});

mutation("updateWebhookDefinition", {
  description:
    "Changes a definition: what is absent stays, null clears. Target, headers, secrets and schedule count from the next attempt on, filter and event types from the next event on. Another origin (scheme, host, port) drops hidden headers and properties, unless the caller has `secrets:read`: `warning` then says so.",
  type: WebhookDefinition,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The definition to change; NotFoundError for an unknown or deleted one." }),
    name: t.string({ description: "1 to 400 characters, for people." }),
    eventTypes: t.stringList({ description: `${EVENT_TYPES} They replace the former ones.` }),
    dialect: t.field({
      type: Dialect,
      description: "The family of the receiver; ConflictError while requests of the former dialect wait.",
    }),
    signatureVersions: t.field({
      type: [SignatureVersion],
      description: "Which Standard Webhooks signatures requests carry, at least one; they need a signing secret.",
    }),
    hmacAlgorithm: t.field({ type: HmacAlgorithm, description: "The hash of a CRMCOM body's authentication code." }),
    hmacEncoding: t.field({ type: HmacEncoding, description: "How a CRMCOM body's authentication code is written." }),
    signed: t.boolean({
      description: "false takes the signing secrets away at once, true keeps them; rotateSigningSecret makes a first one.",
    }),
    ...settingFields(t),
    ...unchangedFields(t),
  }),
  resolve: async (
    { id, ifUnchangedSince, name, eventTypes, dialect, signatureVersions, hmacAlgorithm, hmacEncoding, signed, ...settings },
    { doors, caller },
  ) => {
    const plain = { name, eventTypes, dialect, signatureVersions, hmacAlgorithm, hmacEncoding, signed };
    const must = given(plain, ["name", "eventTypes", "dialect", "signatureVersions", "hmacAlgorithm", "hmacEncoding", "signed"]);
    const input = { ...settingsOf(settings), ...must };
    return (await updateDefinition(doors.core, caller, uuidOf("WebhookDefinition", id), input, doors, ifUnchangedSince)).definition;
  },
});

mutation("deleteWebhookDefinition", {
  description:
    "Deletes a definition and answers with it. Its requests stay in the log; what is queued becomes CANCELLED (DEFINITION_DELETED), and its code is free again.",
  type: WebhookDefinition,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "The definition to delete; NotFoundError for an unknown or deleted one." }) }),
  resolve: ({ id }, { doors, caller }) => deleteDefinition(doors.core, caller, uuidOf("WebhookDefinition", id)),
});

const WebhookDefinitionList = builder
  .objectRef<{ webhookDefinitions: DefinitionRow[]; replays?: ReplayRow[] }>("WebhookDefinitionList")
  .implement({
    description: "The definitions that one call changed together.",
    fields: (t) => ({
      replays: t.field({
        type: [Replay],
        description: "With recoverMissedSince one replay for each definition, which sends what it missed; else none.",
        resolve: (list) => list.replays ?? [],
      }),
      webhookDefinitions: t.field({
        type: [WebhookDefinition],
        description: "As they are now, in the order in which the input named them.",
        resolve: (list) => list.webhookDefinitions,
      }),
    }),
  });

mutation("activateWebhookDefinitions", {
  description: "Makes definitions ACTIVE, all or none: what is queued goes on in order, blocked lanes too, with the errors in a row at 0.",
  type: WebhookDefinitionList,
  scope: "webhooks:write",
  input: (t) => ({
    ids: t.idList({ required: true, description: "1 to 100 definitions; NotFoundError, and no change, when one is unknown." }),
    recoverMissedSince: t.field({
      type: "DateTime",
      description:
        "Also sends, in the background, what they take today of the events accepted from this moment on and never had a request for: behind what is queued, in the order of the events.",
    }),
  }),
  resolve: async ({ ids, recoverMissedSince: since }, { doors, caller }) => {
    const uuids = ids.map((id) => uuidOf("WebhookDefinition", id));
    let recovery: Awaited<ReturnType<typeof recoverMissed>> | undefined;
    const { definitions, changes } = await activateDefinitions(doors.core, caller, uuids, async (client) => {
      if (since) recovery = await recoverMissed(doors.core, doors.jobs, client, caller, uuids, since);
    });
    await recovery?.start();
    await announce(doors, caller, changes);
    return { webhookDefinitions: definitions, replays: recovery?.replays ?? [] };
  },
});

mutation("stopWebhookDefinitions", {
  description: "Makes definitions STOPPED, all or none: what is queued is kept, events accepted meanwhile make no request.",
  type: WebhookDefinitionList,
  scope: "webhooks:write",
  input: (t) => ({
    ids: t.idList({ required: true, description: "1 to 100 definitions; NotFoundError, and no change, when one is unknown." }),
  }),
  resolve: async ({ ids }, { doors, caller }) => {
    const uuids = ids.map((id) => uuidOf("WebhookDefinition", id));
    const { definitions, changes } = await stopDefinitions(doors.core, caller, uuids);
    await announce(doors, caller, changes);
    return { webhookDefinitions: definitions };
  },
});

const RotatedSigningSecret = builder.objectRef<{ definition: DefinitionRow; signingSecret: string }>("RotatedSigningSecret").implement({
  description: "What rotateSigningSecret made: the secret that is shown this once.",
  fields: (t) => ({
    definition: t.field({
      type: WebhookDefinition,
      description: "The definition whose requests carry the new signature from the next attempt on.",
      resolve: (rotated) => rotated.definition,
    }),
    signingSecret: t.exposeString("signingSecret", {
      description:
        "`whsec_…`, for the receiver to verify with; of a definition that signs with V1A alone its public key, `whpk_…`. Never shown again.",
    }),
  }),
});

mutation("rotateSigningSecret", {
  description:
    "Makes a new signing secret, or the first one of a definition without. The former one signs beside it while the overlap lasts, so that the receiver can change over; of several that overlap the newest three do, and none for longer than this overlap.",
  type: RotatedSigningSecret,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The definition to sign anew; NotFoundError for an unknown or deleted one." }),
    overlapSeconds: t.int({
      description:
        "Seconds during which both secrets sign: 0 to 604800; 86400, a day, when absent. 0 ends all former secrets at once, those of earlier rotations too.",
    }),
  }),
  resolve: ({ id, overlapSeconds }, { doors, caller }) =>
    rotateSigningSecret(doors.core, caller, uuidOf("WebhookDefinition", id), overlapSeconds),
});
