/** WebhookRequestFilter: one input for the log, for replays and for live updates. */
import type { InputShapeFromTypeParam } from "@pothos/core";
import { NotFoundError, ValidationError } from "../../errors.ts";
import type { RequestFilter } from "../../requests/filter.ts";
import { LIFE_CYCLE_STATES, REQUEST_STATES } from "../../requests/row.ts";
import { idOf, type NodeType } from "../../wire/ids.ts";
import { builder } from "./builder.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;

const STATE_DESCRIPTIONS = {
  PENDING: "Queued.",
  SENDING: "A call is being made.",
  WAITING: "For a retry.",
  DELIVERED: "The receiver took it.",
  REJECTED: "The receiver refused it, and its schedule is exhausted.",
  SKIPPED: "An operator skipped it, or the transformation said: do not send.",
  CANCELLED: "An operator cancelled it.",
} as const;

export const WebhookRequestState = builder.enumType("WebhookRequestState", {
  description: "Where a request stands.",
  values: Object.fromEntries(REQUEST_STATES.map((state) => [state, { description: STATE_DESCRIPTIONS[state] }])) as Record<
    (typeof REQUEST_STATES)[number],
    { description: string }
  >,
});

const LIFE_CYCLE_DESCRIPTIONS = {
  PENDING: "Not settled: PENDING, SENDING or WAITING.",
  SUCCESSFUL: "DELIVERED.",
  REJECTED: "REJECTED, SKIPPED or CANCELLED.",
} as const;

export const LifeCycleState = builder.enumType("LifeCycleState", {
  description: "Where a request stands, in three words.",
  values: Object.fromEntries(LIFE_CYCLE_STATES.map((state) => [state, { description: LIFE_CYCLE_DESCRIPTIONS[state] }])) as Record<
    (typeof LIFE_CYCLE_STATES)[number],
    { description: string }
  >,
});

export const WebhookRequestFilter = builder.inputType("WebhookRequestFilter", {
  description: "Which requests: all that is given must hold. An empty list matches nothing.",
  fields: (t) => ({
    ids: t.idList({ description: "Only these." }),
    webhookDefinitionId: t.id({ description: "Of this definition." }),
    eventType: t.string({ description: "Of exactly this event type, or of a family such as `order.*` or `*.created`; `*` is every type." }),
    entity: t.string({ description: "Of events on this kind of entity." }),
    entityId: t.string({ description: "Of events on this entity." }),
    url: t.string({
      description:
        "Sent to this URL, however it is written: case of the host, its Unicode or punycode, a default port, a user, a fragment, slashes at the end of the path and the case of percent-encodings do not matter. Without a scheme also a host alone (`shop.example`: all that went there), or a path or a query that stands in the URL (`/hooks/orders`, `?tenant=7`).",
    }),
    state: t.field({ type: [WebhookRequestState], description: "In one of these states." }),
    lifeCycleState: t.field({ type: [LifeCycleState], description: "In one of these life cycle states." }),
    errorCode: t.string({ description: "Whose latest failure has this code." }),
    number: t.string({ description: "With this number." }),
    createdAfter: t.field({ type: "DateTime", description: "Created then or later." }),
    createdBefore: t.field({ type: "DateTime", description: "Created earlier than that." }),
    workflowRuleId: t.id({ description: "Triggered by this workflow rule." }),
  }),
});

type Given = InputShapeFromTypeParam<BuilderTypes, typeof WebhookRequestFilter, false>;

/** No row has it. */
const NOBODY = "00000000-0000-0000-0000-000000000000";

/**
 * As the domain takes it; null is as absent. An id of another type, or none, is unknown: it matches nothing.
 * @throws ValidationError for a number that is none
 */
export function requestFilter(given: Given | null | undefined): RequestFilter {
  if (!given) return {};
  const { ids, webhookDefinitionId, workflowRuleId, number, ...rest } = given;
  const id = (type: NodeType, text: string | null | undefined) => (text == null ? undefined : (idOf(type, text) ?? NOBODY));
  if (number != null && !/^\d{1,16}$/.test(number)) {
    throw new ValidationError([{ path: "filter.number", message: 'must be the number of a request, such as "14"' }]);
  }
  const filter = {
    ...rest,
    ids: ids?.map((text) => id("WebhookRequest", text) as string),
    webhookDefinitionId: id("WebhookDefinition", webhookDefinitionId),
    workflowRuleId: id("WorkflowRule", workflowRuleId),
    number: number == null ? undefined : Number(number),
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
