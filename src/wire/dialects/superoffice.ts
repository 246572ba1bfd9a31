/** SuperOffice: its payload's keys in its order, its headers, its three cycles of three. */
import { withoutTail } from "../../text.ts";
import { type Dialect, type RenderInput, type StateOfDefinition, TEST_EVENT_TYPE, USUAL } from "../dialect.ts";
import { pick } from "../fields.ts";
import { compact } from "../json-text.ts";
import { judgeByStatus } from "../outcome.ts";
import { extraMembers, rendered } from "../rendered.ts";
import { superofficeSignature } from "../signatures/hmac.ts";
import { targetOf } from "../target.ts";
import { VERSION } from "../user-agent.ts";

const BUILT_IN: ReadonlySet<string> = new Set(
  [
    "EventId",
    "Timestamp",
    "Changes",
    "Values",
    "Event",
    "PrimaryKey",
    "Entity",
    "ContextIdentifier",
    "ChangedByAssociateId",
    "WebhookName",
    "FieldValues",
  ].map((key) => key.toLowerCase()),
);
/** In any case: .NET receivers read keys without regard to it, and a property `eventid` would shadow the real one. */
const isBuiltIn = (key: string) => BUILT_IN.has(key.toLowerCase());

/** `webhook123.errors`: subscribed by that name, and told as `webhook.errors` about webhook 123. */
const STATE_EVENT = /^webhook(\d{1,10})\.(started|stopped|errors)$/;

/** S19: the states by the product's names. */
export const STATE_NAMES = { ACTIVE: "Active", STOPPED: "Stopped", TOO_MANY_ERRORS: "TooManyErrors" } as const;
const STATE_VERBS = { ACTIVE: "started", STOPPED: "stopped", TOO_MANY_ERRORS: "errors" } as const;

export const superoffice: Dialect = {
  ...USUAL,
  name: "SUPEROFFICE",
  defaults: {
    ordering: "NONE",
    concurrency: 10,
    onExhausted: "REQUEUE",
    waits: [1, 4],
    jitter: 0,
    requeueWait: 60,
    maxConsecutiveErrors: 9,
    timeoutMs: 15_000,
    onGone: "TOO_MANY_ERRORS",
  },
  eventTypes: "NAMES",
  signed: true,
  secrets: "TEXT",
  requeues: true,
  certificates: "BY_SETTING",
  stateEvent: ({ number, name, state }: StateOfDefinition) => ({
    type: `webhook${number}.${STATE_VERBS[state]}`,
    payload: JSON.stringify({ name, state: STATE_NAMES[state] }),
  }),
  target: targetOf,
  render(input) {
    const { event, definition, request } = input;
    const body = input.body ?? Buffer.from(payload(input));
    const headers: Record<string, string> = {
      "content-type": "application/json; charset=utf-8",
      "user-agent": `NetServer-Webhook/${VERSION}`,
      "x-superoffice-event": event.type,
      "x-superoffice-eventid": event.id,
    };
    // One signature has room here: the current key's. Receivers that rotate verify by the Standard Webhooks header.
    const key = definition.signingKeys.find((candidate) => candidate.kind === "HMAC");
    if (key) headers["x-superoffice-signature"] = superofficeSignature(key.key, body);
    if (request.retries > 0) headers["x-superoffice-retry"] = String(request.retries);
    if (request.isTest || event.type === TEST_EVENT_TYPE) headers["x-hook-test"] = "true";
    return rendered(input, body, headers);
  },
  judge: (answer) => judgeByStatus(answer, 200, 200),
};

function payload({ event, definition }: RenderInput): string {
  const stateEvent = STATE_EVENT.exec(event.type);
  const isTest = event.type === TEST_EVENT_TYPE;
  const values = isTest ? "{}" : pick(event.payload, definition.fieldsSet);
  const hasValues = !["{}", "[]", "null"].includes(compact(values));
  const isDelete = event.type.endsWith(".deleted");
  const entity = isTest ? TEST_EVENT_TYPE : (event.entity ?? event.type.split(".", 1)[0]);
  return `{${[
    `"EventId":"${event.id}"`,
    `"Timestamp":"${timestamp(event.occurredAt)}"`,
    `"Changes":${JSON.stringify(isTest ? [] : event.changes)}`,
    isDelete && hasValues ? `"Values":${values}` : "",
    `"Event":${JSON.stringify(stateEvent ? `webhook.${stateEvent[2]}` : event.type)}`,
    `"PrimaryKey":${isTest ? 0 : int32(stateEvent ? stateEvent[1] : event.entityId)}`,
    stateEvent ? "" : `"Entity":${JSON.stringify(entity)}`,
    `"ContextIdentifier":"Default"`,
    `"ChangedByAssociateId":${isInt32(event.actor) ? event.actor : (event.callerNumber ?? 0)}`,
    `"WebhookName":${JSON.stringify(definition.name)}`,
    !isDelete && hasValues ? `"FieldValues":${values}` : "",
    extraMembers(definition.properties, isBuiltIn),
  ]
    .filter((member) => member !== "")
    .join(",")}}`;
}

/** UTC, with as many decimals as there are: `…:01Z`, `…:01.5Z`. */
function timestamp(date: Date): string {
  return `${withoutTail(withoutTail(date.toISOString().slice(0, -1), "0"), ".")}Z`;
}

/** 0 for anything that is no decimal int32: ids and actors of other systems may be any text. */
function int32(text: string | null | undefined): number {
  return isInt32(text) ? Number(text) : 0;
}

function isInt32(text: string | null | undefined): boolean {
  const value = /^(?:0|-?[1-9]\d{0,9})$/.test(text ?? "") ? Number(text) : Number.NaN;
  return value >= -(2 ** 31) && value < 2 ** 31;
}
