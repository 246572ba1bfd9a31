/** Which rows an export has: the filters of GraphQL as query parameters, lists by commas. */
import { z } from "zod";
import { type Caller, demand } from "../../accounts/caller.ts";
import { getApplication } from "../../applications/find.ts";
import type { Core } from "../../core.ts";
import { checkEventTypePattern } from "../../definitions/match.ts";
import { type EventFilter, payloadTextProblem } from "../../requests/event-filter.ts";
import { masksUrls, type RequestFilter } from "../../requests/filter.ts";
import { LIFE_CYCLE_STATES, REQUEST_STATES } from "../../requests/row.ts";
import { idOf, idToFind, NOBODY, type NodeType } from "../../wire/ids.ts";
import { FILTER_CHARACTERS, TOO_LONG_FILTER } from "../filter-texts.ts";
import { validate } from "../validate.ts";

const text = z.string("must be given once").max(FILTER_CHARACTERS, TOO_LONG_FILTER).optional();
const moment = z.iso
  .datetime({ offset: true, message: "must be ISO 8601 with a time zone, such as 2026-11-01T08:00:00Z" })
  .transform((at) => new Date(at))
  .optional();
const id = (type: NodeType) =>
  z
    .string("must be given once")
    .transform((given) => idToFind(type, given))
    .optional();
const commas = z.string("must be given once, its values by commas").transform((list) => list.split(","));
const oneOf = <const T extends string>(values: readonly T[]) =>
  commas.pipe(z.array(z.enum(values, `must be some of ${values.join(", ")}, by commas`))).optional();
const cursor = (type: NodeType, prefix: string) =>
  z
    .string("must be given once")
    .refine((given) => given === "" || idOf(type, given) !== undefined, `must be the id of the last line, ${prefix}_…`)
    .transform((given) => idOf(type, given))
    .optional();
const unknown = {
  error: ({ code, keys }: { code?: string; keys?: string[] }) =>
    code === "unrecognized_keys" ? `${keys?.join(", ")}: no such parameter` : undefined,
};

const requestQuery = z.strictObject(
  {
    ...{ after: cursor("WebhookRequest", "req"), webhookDefinitionId: id("WebhookDefinition"), workflowRuleId: id("WorkflowRule") },
    ...{ eventType: text, entity: text, entityId: text, url: text, errorCode: text },
    ...{ state: oneOf(REQUEST_STATES), lifeCycleState: oneOf(LIFE_CYCLE_STATES) },
    number: z
      .string("must be given once")
      .regex(/^\d{1,15}$/, "must be the number of a request")
      .transform(Number)
      .optional(),
    ...{ createdAfter: moment, createdBefore: moment },
  },
  unknown as never,
);

const pattern = z.string().check(({ value, issues }) => {
  const message = checkEventTypePattern(value.startsWith("*.") ? value.slice(2) : value);
  if (message !== undefined) issues.push({ code: "custom", message, input: value });
});
const payloadText = z.string("must be given once").check(({ value, issues }) => {
  const message = payloadTextProblem(value);
  if (message !== undefined) issues.push({ code: "custom", message, input: value });
});
const eventQuery = z.strictObject(
  {
    after: cursor("Event", "evt"),
    type: commas.pipe(z.array(pattern).max(100, "must be at most 100 patterns")).optional(),
    ...{ entity: text, entityId: text, since: moment, until: moment, application: text },
    payloadContains: payloadText.optional(),
    matched: z
      .enum(["true", "false"], "must be true or false")
      .transform((given) => given === "true")
      .optional(),
  },
  unknown as never,
);

export interface Asked<Filter> {
  filter: Filter;
  /** UUID. */
  after: string | undefined;
}

const given = <T extends object>(fields: T) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** @throws ValidationError, ForbiddenError */
export async function requestsAsked(_core: Core, caller: Caller, query: unknown): Promise<Asked<RequestFilter>> {
  demand(caller, "webhooks:read");
  const { after, ...filter } = validate(requestQuery, query);
  return { after, filter: given({ ...filter, urlsMasked: masksUrls(caller, filter.url) }) };
}

/** @throws ValidationError, ForbiddenError */
export async function eventsAsked(core: Core, caller: Caller, query: unknown): Promise<Asked<EventFilter>> {
  demand(caller, "webhooks:read");
  const { after, application, ...filter } = validate(eventQuery, query);
  const applicationId =
    application === undefined
      ? undefined
      : (idOf("Application", application) ?? (await getApplication(core, caller, { uid: application }))?.id ?? NOBODY);
  return { after, filter: given({ ...filter, applicationId }) };
}
