/** Webhook requests: the delivery log, and what operators do with a request. */
import type { GraphQLResolveInfo } from "graphql";
import { cancel, remove, resend, retryNow, skip } from "../../delivery/control.ts";
import { NotFoundError } from "../../errors.ts";
import { countRequests, listRequests } from "../../requests/list.ts";
import { listKind, numberKey, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { detached, type Kept, type RequestNode } from "../../requests/related.ts";
import { lifeCycleStateOf } from "../../requests/row.ts";
import { sentRequest, sentResponse } from "../../requests/sent.ts";
import { showRequest, showRequests } from "../../requests/show.ts";
import { shownLatest, shownTarget } from "../../requests/shown.ts";
import { idOf } from "../../wire/ids.ts";
import { withoutFragment } from "../../wire/target.ts";
import { AttemptConnection, CONTENT_FIELDS } from "./attempts.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { Dialect } from "./definition-enums.ts";
import { Event } from "./events.ts";
import { laneOf } from "./lanes.ts";
import { inOrder } from "./loader.ts";
import { mutation, type SignedIn, uuidOf } from "./mutation.ts";
import { Lane, WebhookDefinition, WebhookRequest, WebhookRequestConnection, WorkflowRule } from "./nodes.ts";
import { pageOfRows } from "./page.ts";
import { narrowing, ownEvents } from "./portal-rows.ts";
import { LifeCycleState, requestFilter, WebhookRequestFilter, WebhookRequestState } from "./request-filter.ts";
import { argumentsOf, selected } from "./selected.ts";

const NotificationStatus = builder.enumType("NotificationStatus", {
  description: "doForms: what the receiver made of a notification, as it said in its reply or called back.",
  values: {
    NEW: { description: "No receiver has answered yet." },
    RECEIVED: { description: "The receiver took it with an empty answer, and may call back." },
    COMPLETED: { description: "The receiver says that all is done; final." },
    FAILED: { description: "The receiver says that it could not; final." },
  } as const,
});

function found<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new NotFoundError(what);
  return value;
}

guardNode("WebhookRequest", "webhooks:read");
builder.node(WebhookRequest, {
  description: "One event for one definition: a row of the delivery log, from the moment the event was accepted.",
  id: { resolve: (request) => request.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "laneNumber" in value,
  loadManyWithoutCache: async (ids, context) =>
    inOrder(ids, await showRequests(context.doors.core.db, callerOf(context).organizationId, ids)),
  fields: (t) => ({
    number: t.expose("number", {
      type: "SafeInt",
      description: "A name to quote: counts up from 1 in the organization, with gaps, and is never given again.",
    }),
    state: t.expose("state", {
      type: WebhookRequestState,
      description: "How far it is; PENDING, SENDING and WAITING change by themselves.",
    }),
    lifeCycleState: t.field({
      type: LifeCycleState,
      description: "The states put together: still on its way, delivered, or given up.",
      resolve: (request) => lifeCycleStateOf(request.state),
    }),
    eventType: t.exposeString("eventType", { description: "What happened, such as `order.created`; the same as `event { type }`." }),
    entity: t.exposeString("entity", {
      nullable: true,
      description: "The kind of thing that it happened to, such as `order`; null when the event names none.",
    }),
    entityId: t.exposeString("entityId", { nullable: true, description: "The id of that thing in the emitter's system, such as `18`." }),
    url: t.string({
      nullable: true,
      description:
        "The URL that the latest attempt called, or the first will, without its fragment, which is never sent; null for a script. Without `secrets:read` query values and keys in its path are `***`.",
      resolve: ({ url }, _args, context) => shownTarget(callerOf(context), url === null ? null : withoutFragment(url)),
    }),
    authenticationCode: t.exposeString("authenticationCode", {
      nullable: true,
      description: "CRM.COM: the authentication code in the body of the latest attempt; null for other dialects.",
    }),
    fieldsSet: t.exposeStringList("fieldsSet", { description: "Dotted paths of the payload that were sent; empty: all of it." }),
    request: t.field({
      type: "JSON",
      nullable: true,
      description: "What the latest attempt sent: {method, url, headers, body}; null before the first. Secrets are shown as ***.",
      resolve: async (request, _args, context) => {
        const latest = await request.latest();
        return latest ? sentRequest(shownLatest(context.doors.core, callerOf(context), latest)) : null;
      },
    }),
    response: t.field({
      type: "JSON",
      nullable: true,
      description: "What came back: {status, headers, body}, or a script's {result, console}; null when nothing did.",
      resolve: async (request, _args, context) => {
        const latest = await request.latest();
        return latest ? sentResponse(shownLatest(context.doors.core, callerOf(context), latest)) : null;
      },
    }),
    errorCode: t.exposeString("errorCode", {
      nullable: true,
      description: "Why the latest attempt failed, for programs, such as `TIMED_OUT`; null when none did.",
    }),
    errorDescription: t.exposeString("errorDescription", {
      nullable: true,
      description: "Why the latest attempt failed and what may mend it, for people.",
    }),
    webhookDefinition: t.field({
      type: WebhookDefinition,
      description: "The definition that took the event, as it is now; a deleted one too.",
      resolve: async (request) => found(await request.definition(), "the webhook definition"),
    }),
    workflowRule: t.field({
      type: WorkflowRule,
      nullable: true,
      description: "The rule that triggered it; null: the definition's own event types did.",
      resolve: async (request) => (await request.workflowRule()) ?? null,
    }),
    event: t.field({
      type: Event,
      description: "The event that it delivers, as it was accepted.",
      resolve: async (request) => found(await request.event(), "the event"),
    }),
    attempts: t.field({
      type: AttemptConnection,
      description: "The attempts made for it, oldest first: `last: 1` gives the latest.",
      args: t.arg.connectionArgs(),
      resolve: async (request, args) => {
        const kind = listKind("attempts", request.id);
        return pageOfRows(
          await request.attempts(pageOf(args, kind, numberKey)),
          (attempt) => pageCursor(kind, attempt.number),
          async () => request.attemptCount,
        );
      },
    }),
    attemptCount: t.exposeInt("attemptCount", { description: "How many attempts were made for it, resends included." }),
    dialect: t.expose("dialect", {
      type: Dialect,
      description: "The family of receivers that it was made for when its event was accepted.",
    }),
    laneNumber: t.expose("laneNumber", {
      type: "SafeInt",
      description: "Place in its lane, counted from 1 with gaps: lower ones go first. 0 for a test.",
    }),
    lane: t.field({
      type: Lane,
      nullable: true,
      description: "The strictly ordered stream that it stands in; null for a test.",
      resolve: async (request, _args, context) => (request.laneId === null ? null : ((await laneOf(context, request.laneId)) ?? null)),
    }),
    isTest: t.exposeBoolean("isTest", { description: "Sent by testWebhookDefinition, outside every lane." }),
    notificationStatus: t.expose("notificationStatus", {
      type: NotificationStatus,
      nullable: true,
      description: "doForms: what the receiver made of it; null for other dialects. A change of it alone is told on the live feed too.",
    }),
    notificationMessage: t.exposeString("notificationMessage", {
      nullable: true,
      description: "doForms: the text that the receiver gave with the status; null when none.",
    }),
    nextAttemptAt: t.expose("nextAttemptAt", {
      type: "DateTime",
      nullable: true,
      description: "While WAITING, when the next attempt is due; else null.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When its event was accepted; lists are in this order." }),
    settledAt: t.expose("settledAt", {
      type: "DateTime",
      nullable: true,
      description: "When it was delivered or given up; null while it is on its way.",
    }),
  }),
});

builder.queryFields((t) => ({
  webhookRequests: t.field({
    type: WebhookRequestConnection,
    description:
      "The delivery log, newest first. Ids of others in the filter match nothing. A page with a filter may be shorter than asked for, even empty, while `hasNextPage` is true: it reads at most 100 000 requests along the way, fewer when that takes long; go on from `endCursor`. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: {
      filter: t.arg({ type: WebhookRequestFilter, description: "Only requests that match; all when absent." }),
      ...t.arg.connectionArgs(),
    },
    resolve: async (_root, args, context) => {
      const { organizationId } = callerOf(context);
      const { db } = context.doors.core;
      const filter = { ...requestFilter(callerOf(context), args.filter), ...(await narrowing(context)), ...ownEvents(context) };
      const kind = listKind("requests", organizationId);
      return pageOfRows(
        await listRequests(db, organizationId, filter, pageOf(args, kind, uuidKey)),
        (request) => pageCursor(kind, request.id),
        () => countRequests(db, organizationId, filter),
        (id) => pageCursor(kind, id),
      );
    },
  }),
  webhookRequest: t.field({
    type: WebhookRequest,
    nullable: true,
    description: "One request by its id, or else by its number; null when it is unknown or another organization's.",
    authScopes: { scope: "webhooks:read" },
    args: {
      id: t.arg.id({ description: "Global id, `req_…`; then the number is not looked at." }),
      number: t.arg({ type: "SafeInt", description: "The number that people quote, such as 14." }),
    },
    resolve: async (_root, args, context) => {
      const { organizationId } = callerOf(context);
      const id = args.id == null ? undefined : idOf("WebhookRequest", args.id);
      const identifier = id !== undefined ? { id } : args.id == null && args.number != null ? { number: args.number } : undefined;
      return (identifier && (await showRequest(context.doors.core.db, organizationId, identifier))) ?? null;
    },
  }),
}));

async function shown({ doors, caller }: SignedIn, id: string): Promise<RequestNode> {
  return found(await showRequest(doors.core.db, caller.organizationId, { id }), "the webhook request");
}

mutation("resendWebhookRequest", {
  description: "Sends a settled request again, before what is pending in its lane: same number, same id, the schedule anew.",
  type: WebhookRequest,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The settled request to send again, `req_…`; NotFoundError when there is none." }),
    force: t.boolean({ description: "true sends a DELIVERED one again too; without it that is a ConflictError." }),
    rerender: t.boolean({
      description:
        "Renders it anew by the definition as it is now, instead of sending the bytes of the earlier attempts: the same webhook-id, a new timestamp, body and signature. A receiver that accepted this id before may ignore it.",
    }),
  }),
  resolve: async (input, context) => {
    const { doors, caller } = context;
    const id = uuidOf("WebhookRequest", input.id);
    const { force, rerender } = input;
    await resend(doors.core, caller.organizationId, id, { force: force ?? false, rerender: rerender ?? false, by: caller });
    return shown(context, id);
  },
});

const OPERATIONS = {
  skipWebhookRequest: { act: skip, description: "Gives up the waiting or blocked head of a lane; the lane goes on." },
  cancelWebhookRequest: { act: cancel, description: "Gives up a request that is PENDING or WAITING." },
  retryWebhookRequestNow: { act: retryNow, description: "Tries the waiting or blocked head of a lane at once." },
} as const;

for (const [name, { act, description }] of Object.entries(OPERATIONS)) {
  mutation(name, {
    description,
    type: WebhookRequest,
    scope: "webhooks:write",
    input: (t) => ({ id: t.id({ required: true, description: "Global id of the request, `req_…`; NotFoundError when there is none." }) }),
    resolve: async (input, context) => {
      const id = uuidOf("WebhookRequest", input.id);
      await act(context.doors.core, context.caller.organizationId, id, context.caller);
      return shown(context, id);
    },
  });
}

/** Of a request that the operation answers with and that is gone by then: which bodies it asks for. */
function askedOf(info: GraphQLResolveInfo, id: string): Kept {
  const attempts = selected(info, info.fieldNodes, "attempts").filter((node) => {
    const nodes = selected(info, selected(info, [node], "edges"), "node");
    return selected(info, nodes, ...CONTENT_FIELDS).length > 0;
  });
  return {
    latest: selected(info, info.fieldNodes, "request", "response").length > 0,
    pages: attempts.map((node) => pageOf(argumentsOf(info, "WebhookRequest", node), listKind("attempts", id), numberKey)),
  };
}

mutation("deleteWebhookRequest", {
  description: "Deletes a settled request and its attempts from the log, and answers with it as it was.",
  type: WebhookRequest,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The settled request to delete, `req_…`; NotFoundError when there is none." }),
  }),
  resolve: async (input, context, info) => {
    const id = uuidOf("WebhookRequest", input.id);
    const request = await detached(await shown(context, id), askedOf(info, id));
    await remove(context.doors.core, context.caller.organizationId, id, context.caller);
    return request;
  },
});
