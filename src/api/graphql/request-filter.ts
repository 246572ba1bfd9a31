/** WebhookRequestFilter: one input for the log, for replays and for live updates. */
import type { InputShapeFromTypeParam } from "@pothos/core";
import type { Caller } from "../../accounts/caller.ts";
import { NotFoundError, ValidationError } from "../../errors.ts";
import { masksUrls, type RequestFilter } from "../../requests/filter.ts";
import { LIFE_CYCLE_STATES, REQUEST_STATES } from "../../requests/row.ts";
import { idToFind, type NodeType } from "../../wire/ids.ts";
import { checkFilterTexts } from "../filter-texts.ts";
import { builder } from "./builder.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

const STATE_DESCRIPTIONS = {
  PENDING: "In its lane's queue, before the first attempt or set going again.",
  SENDING: "An attempt is on its way; seen in queries only, never on the live feed.",
  WAITING: "An attempt failed, and the next one comes at `nextAttemptAt`.",
  DELIVERED: "The receiver answered with a success; final.",
  REJECTED: "It failed after every wait of its schedule, or for good at once; it may be resent.",
  SKIPPED: "skipWebhookRequest gave it up, or the transformation returned null; it may be resent.",
  CANCELLED: "cancelWebhookRequest gave it up, or its definition was deleted; it may be resent.",
} as const;

export const WebhookRequestState = builder.enumType("WebhookRequestState", {
  description: "How far a request is. PENDING, SENDING and WAITING change by themselves; the others are final until somebody resends.",
  values: Object.fromEntries(REQUEST_STATES.map((state) => [state, { description: STATE_DESCRIPTIONS[state] }])) as Record<
    (typeof REQUEST_STATES)[number],
    { description: string }
  >,
});

const LIFE_CYCLE_DESCRIPTIONS = {
  PENDING: "PENDING, SENDING or WAITING: not settled yet.",
  SUCCESSFUL: "DELIVERED: the receiver answered with a success.",
  REJECTED: "REJECTED, SKIPPED or CANCELLED: settled without a success.",
} as const;

export const LifeCycleState = builder.enumType("LifeCycleState", {
  description: "The states of a request put together: still on its way, delivered, or given up.",
  values: Object.fromEntries(LIFE_CYCLE_STATES.map((state) => [state, { description: LIFE_CYCLE_DESCRIPTIONS[state] }])) as Record<
    (typeof LIFE_CYCLE_STATES)[number],
    { description: string }
  >,
});

export const WebhookRequestFilter = builder.inputType("WebhookRequestFilter", {
  description:
    "Narrows the delivery log, a replay or live updates: all that is given must hold. A text has at most 2 048 characters. An empty list, and an id that is unknown, match nothing.",
  fields: (t) => ({
    ids: t.idList({ description: "Global ids, `req_…`: no others than these." }),
    webhookDefinitionId: t.id({ description: "Requests of this definition, which may be deleted." }),
    eventType: t.string({
      description: "Requests for events of exactly this type, or of a family such as `order.*` or `*.created`; `*` is any; case counts.",
    }),
    entity: t.string({ description: "Requests for events with exactly this `entity`, such as `order`." }),
    entityId: t.string({ description: "Requests for events with exactly this `entityId`, such as `18`." }),
    url: t.string({
      description:
        "Requests sent to this URL, however it is written: case of the host, its Unicode or punycode, a default port, a user, a fragment, slashes at the end of the path and the case of percent-encodings do not matter. Without a scheme also a host alone (`shop.example`: all that went there), or a path or a query that stands in the URL (`/hooks/orders`, `?tenant=7`).",
    }),
    state: t.field({ type: [WebhookRequestState], description: "Any of these, as of now; on the live feed, as of each change." }),
    lifeCycleState: t.field({ type: [LifeCycleState], description: "Any of these groups of states." }),
    errorCode: t.string({ description: "Requests whose latest failure has exactly this code, such as `TIMED_OUT`." }),
    number: t.string({ description: "The request with this number, as decimal text such as `14`." }),
    createdAfter: t.field({ type: "DateTime", description: "Requests made at this moment or later." }),
    createdBefore: t.field({ type: "DateTime", description: "Requests made before this moment." }),
    workflowRuleId: t.id({ description: "Requests that this workflow rule triggered; it may be deleted." }),
  }),
});

type Given = InputShapeFromTypeParam<BuilderTypes, typeof WebhookRequestFilter, false>;

/**
 * As the domain takes it, by who asks; null is as absent. An id of another type, or none, is unknown: it matches nothing.
 * @throws ValidationError for a number that is none, and for a text that is too long
 */
export function requestFilter(caller: Pick<Caller, "scopes">, given: Given | null | undefined): RequestFilter {
  if (!given) return {};
  checkFilterTexts(given);
  const { ids, webhookDefinitionId, workflowRuleId, number, ...rest } = given;
  const id = (type: NodeType, text: string | null | undefined) => (text == null ? undefined : idToFind(type, text));
  if (number != null && !/^\d{1,16}$/.test(number)) {
    throw new ValidationError([{ path: "filter.number", message: 'must be the number of a request, such as "14"' }]);
  }
  const filter = {
    ...rest,
    ids: ids?.map((text) => id("WebhookRequest", text) as string),
    webhookDefinitionId: id("WebhookDefinition", webhookDefinitionId),
    workflowRuleId: id("WorkflowRule", workflowRuleId),
    number: number == null ? undefined : Number(number),
    urlsMasked: masksUrls(caller, rest.url),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value != null)) as RequestFilter;
}

/** The ids that a live subscription would wait for in vain. @throws NotFoundError */
export async function demandKnown(
  filter: RequestFilter,
  exists: (table: "webhookDefinition" | "workflowRule" | "webhookRequest", id: string) => Promise<boolean>,
): Promise<void> {
  const named = [
    ["webhookDefinition", filter.webhookDefinitionId, "the webhook definition"],
    ["workflowRule", filter.workflowRuleId, "the workflow rule"],
    ...(filter.ids ?? []).map((id) => ["webhookRequest", id, "the webhook request"] as const),
  ] as const;
  for (const [table, id, what] of named) {
    if (id !== undefined && !(await exists(table, id))) throw new NotFoundError(what);
  }
}
