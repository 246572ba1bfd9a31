/** Webhook definitions made, changed, stopped, activated, deleted; their secrets rotated. */
import type { InputShapeFromFields } from "@pothos/core";
import { createDefinition, deleteDefinition, rotateSigningSecret, updateDefinition } from "../../definitions/definitions.ts";
import type { DefinitionRow, DefinitionSettings } from "../../definitions/settings.ts";
import { activateDefinitions, type StateChange, stateEvents, stopDefinitions } from "../../definitions/state.ts";
import { recoverMissed } from "../../events/recovery.ts";
import type { ReplayRow } from "../../requests/replay.ts";
import type { Doors } from "../doors.ts";
import { builder } from "./builder.ts";
import { given } from "./changes.ts";
import { Dialect, HmacAlgorithm, HmacEncoding, OnExhausted, Ordering, SignatureVersion, TargetType } from "./definition-enums.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { WebhookDefinition } from "./nodes.ts";
import { Replay } from "./replays.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">;

const settingFields = (t: InputFieldBuilder) => ({
  description: t.string({ description: "What it is for." }),
  targetUrl: t.string({ description: "Where to. Needed, unless a connection or a script is the target." }),
  connectionId: t.id({ description: "A connection whose URLs and headers it uses." }),
  scriptId: t.id({ description: "A script to run here instead of a call." }),
  targetType: t.field({
    type: TargetType,
    description: "Only to say it aloud: a script makes it CRMSCRIPT, WEBHOOK takes the script away.",
  }),
  filter: t.field({
    type: "JSON",
    description:
      'A condition over payload, scope, type, entity, entityId, actor and changes, such as {"payload": {"total": {"$gt": 100}}}. ' +
      "Operators: $eq $ne $gt $gte $lt $lte $in $nin $exists $and $or $not $all $elemMatch.",
  }),
  ordering: t.field({ type: Ordering, description: "Which requests wait for each other; null: as the dialect says." }),
  concurrency: t.int({
    description:
      "Requests in flight at once with ordering NONE: 1 to 100; unless given 16, or 10 where the dialect itself is ordered NONE.",
  }),
  onExhausted: t.field({ type: OnExhausted, description: "What happens when the schedule is used up; null: as the dialect says." }),
  retrySchedule: t.floatList({
    description:
      "The waits in seconds after the 1st, 2nd … failed attempt, at most 20, each 0 to 604800; [] is one attempt; null: as the dialect says.",
  }),
  maxConsecutiveErrors: t.int({ description: "Failed attempts in a row that stop it; null: never." }),
  timeoutMs: t.int({ description: "How long one attempt may take: 100 to 60000 ms; null: as the dialect says." }),
  headers: t.field({ type: "JSON", description: "Custom headers, {name: value}, at most 20; *** keeps the stored value of a masked one." }),
  properties: t.field({ type: "JSON", description: "Custom values at the root of the body, an object." }),
  fieldsSet: t.stringList({ description: "Dotted paths of the payload to send; empty: all of it." }),
  secretKeyId: t.id({ description: "The named HMAC key of a CRMCOM definition." }),
  transformation: t.string({ description: "JavaScript that defines function transform(event); it makes the body." }),
  payloadQuery: t.string({ description: "A GraphQL query over the event, whose data is the body." }),
  errorsEmail: t.string({ description: "Mailed when its state becomes TOO_MANY_ERRORS." }),
});

/** Ids of the input as ours. @throws NotFoundError for one that is no id of its type */
function settingsOf(input: InputShapeFromFields<ReturnType<typeof settingFields>>): DefinitionSettings {
  const { connectionId, scriptId, secretKeyId, ...settings } = input;
  return {
    ...settings,
    ...(connectionId !== undefined && { connectionId: connectionId === null ? null : uuidOf("Connection", connectionId) }),
    ...(scriptId !== undefined && { scriptId: scriptId === null ? null : uuidOf("Script", scriptId) }),
    ...(secretKeyId !== undefined && { secretKeyId: secretKeyId === null ? null : uuidOf("SecretKey", secretKeyId) }),
  };
}

/** SuperOffice's receivers may subscribe to the changes of a definition's state. */
async function announce(doors: Doors, organizationId: string, changes: readonly StateChange[]): Promise<void> {
  const events = stateEvents(changes);
  if (events.length > 0) await doors.ingest.emit(organizationId, events);
}

const CreatedWebhookDefinition = builder
  .objectRef<{ definition: DefinitionRow; signingSecret: string | null }>("CreatedWebhookDefinition")
  .implement({
    description: "A new definition with its secret.",
    fields: (t) => ({
      definition: t.field({ type: WebhookDefinition, description: "The definition.", resolve: (created) => created.definition }),
      signingSecret: t.exposeString("signingSecret", {
        nullable: true,
        description: "Its signing secret, shown now and never again; null when it has none.",
      }),
    }),
  });

mutation("createWebhookDefinition", {
  description: "Makes a definition, ACTIVE from the start: events accepted from now on are matched against it.",
  type: CreatedWebhookDefinition,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "Its name, for people." }),
    code: t.string({
      description: "Lower-case letters, digits and underscores, unique, never changed; suggested from the name when absent.",
    }),
    eventTypes: t.stringList({
      required: true,
      description: "Which events: exact types, families such as `order.*`, or `*`. Empty: only workflow rules trigger it.",
    }),
    dialect: t.field({ type: Dialect, defaultValue: "STANDARD", description: "How its receivers want it." }),
    signatureVersions: t.field({
      type: [SignatureVersion],
      defaultValue: ["V1"],
      description: "The Standard Webhooks signatures it carries.",
    }),
    hmacAlgorithm: t.field({ type: HmacAlgorithm, defaultValue: "SHA256", description: "With the secret key." }),
    hmacEncoding: t.field({ type: HmacEncoding, defaultValue: "HEX", description: "With the secret key." }),
    signed: t.boolean({ description: "Whether it gets a signing secret. When absent: those of dialect STANDARD and SUPEROFFICE do." }),
    ...settingFields(t),
  }),
  resolve: async (
    { name, code, eventTypes, dialect, signatureVersions, hmacAlgorithm, hmacEncoding, signed, ...settings },
    { doors, caller },
  ) => {
    const isSigned = signed ?? (!dialect || dialect === "STANDARD" || dialect === "SUPEROFFICE");
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
  description: "Changes a definition: what is absent stays, null clears. The next send uses it.",
  type: WebhookDefinition,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Which." }),
    name: t.string({ description: "Its name, for people." }),
    eventTypes: t.stringList({ description: "Which events." }),
    dialect: t.field({ type: Dialect, description: "How its receivers want it." }),
    signatureVersions: t.field({ type: [SignatureVersion], description: "The Standard Webhooks signatures it carries." }),
    hmacAlgorithm: t.field({ type: HmacAlgorithm, description: "With the secret key." }),
    hmacEncoding: t.field({ type: HmacEncoding, description: "With the secret key." }),
    signed: t.boolean({ description: "false takes its signing secrets away at once; rotateSigningSecret makes a first one." }),
    ...settingFields(t),
  }),
  resolve: async (
    { id, name, eventTypes, dialect, signatureVersions, hmacAlgorithm, hmacEncoding, signed, ...settings },
    { doors, caller },
  ) => {
    const plain = { name, eventTypes, dialect, signatureVersions, hmacAlgorithm, hmacEncoding, signed };
    const must = given(plain, ["name", "eventTypes", "dialect", "signatureVersions", "hmacAlgorithm", "hmacEncoding", "signed"]);
    const input = { ...settingsOf(settings), ...must };
    return (await updateDefinition(doors.core, caller, uuidOf("WebhookDefinition", id), input, doors)).definition;
  },
});

mutation("deleteWebhookDefinition", {
  description: "Deletes a definition. Its requests stay in the log; what is queued is not sent.",
  type: WebhookDefinition,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => deleteDefinition(doors.core, caller, uuidOf("WebhookDefinition", id)),
});

const WebhookDefinitionList = builder
  .objectRef<{ webhookDefinitions: DefinitionRow[]; replays?: ReplayRow[] }>("WebhookDefinitionList")
  .implement({
    description: "Several definitions.",
    fields: (t) => ({
      replays: t.field({
        type: [Replay],
        description: "With recoverMissedSince: the replays that send what they missed, one for each definition; else none.",
        resolve: (list) => list.replays ?? [],
      }),
      webhookDefinitions: t.field({
        type: [WebhookDefinition],
        description: "In the order in which they were named.",
        resolve: (list) => list.webhookDefinitions,
      }),
    }),
  });

mutation("activateWebhookDefinitions", {
  description: "Makes definitions ACTIVE: what is queued goes on, in order, with the errors in a row at 0. All or none.",
  type: WebhookDefinitionList,
  scope: "webhooks:write",
  input: (t) => ({
    ids: t.idList({ required: true, description: "Which: 1 to 100." }),
    recoverMissedSince: t.field({
      type: "DateTime",
      description:
        "Also sends what they take today of the events accepted since then, and never had a request for: behind what is queued, in the order of the events, in the background.",
    }),
  }),
  resolve: async ({ ids, recoverMissedSince: since }, { doors, caller }) => {
    const uuids = ids.map((id) => uuidOf("WebhookDefinition", id));
    let recovery: Awaited<ReturnType<typeof recoverMissed>> | undefined;
    const { definitions, changes } = await activateDefinitions(doors.core, caller, uuids, async (client) => {
      if (since) recovery = await recoverMissed(doors.core, doors.jobs, client, caller, uuids, since);
    });
    await recovery?.start();
    await announce(doors, caller.organizationId, changes);
    return { webhookDefinitions: definitions, replays: recovery?.replays ?? [] };
  },
});

mutation("stopWebhookDefinitions", {
  description: "Makes definitions STOPPED: what is queued is kept, new events are not taken. All or none.",
  type: WebhookDefinitionList,
  scope: "webhooks:write",
  input: (t) => ({ ids: t.idList({ required: true, description: "Which: 1 to 100." }) }),
  resolve: async ({ ids }, { doors, caller }) => {
    const uuids = ids.map((id) => uuidOf("WebhookDefinition", id));
    const { definitions, changes } = await stopDefinitions(doors.core, caller, uuids);
    await announce(doors, caller.organizationId, changes);
    return { webhookDefinitions: definitions };
  },
});

const RotatedSigningSecret = builder.objectRef<{ definition: DefinitionRow; signingSecret: string }>("RotatedSigningSecret").implement({
  description: "A definition with its new secret.",
  fields: (t) => ({
    definition: t.field({ type: WebhookDefinition, description: "The definition.", resolve: (rotated) => rotated.definition }),
    signingSecret: t.exposeString("signingSecret", {
      description: "The new signing secret, shown now and never again; of one that signs with V1A alone, its new public key.",
    }),
  }),
});

mutation("rotateSigningSecret", {
  description:
    "Makes a new signing secret (the first one, for a definition without). The former one signs beside it while the overlap lasts.",
  type: RotatedSigningSecret,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Which definition." }),
    overlapSeconds: t.int({ description: "How long both sign: 0 to 604800; a day when absent." }),
  }),
  resolve: ({ id, overlapSeconds }, { doors, caller }) =>
    rotateSigningSecret(doors.core, caller, uuidOf("WebhookDefinition", id), overlapSeconds),
});
