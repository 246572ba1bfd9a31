/** What the idempotency keys of a call mean for it. Pure: the rows are taken and read by idempotency.ts. */
import { ConflictError, IdempotencyKeyReusedError } from "../errors.ts";
import { bodyHash, claimId, isSame, type KeptAnswer, type KeyClaim, NAMED } from "./idempotency.ts";
import type { AcceptedEvent, EventInput, IncomingEvent, IngestCall, IngestResult } from "./input.ts";

/** A call as far as it got in a transaction. */
export interface Taken<C extends IngestCall = IngestCall> {
  call: C;
  /** To be written; those whose own key is known already stand in `result` only. */
  fresh: IncomingEvent[];
  result: IngestResult;
}

const UNSPECIFIED_ANSWER = { status: 202, answer: "" };

/** The keys that a call brings, its own and those of its events. */
export const keysOf = ({ organizationId, inputs, options }: IngestCall): string[] => [
  ...(options.idempotency ? [claimId({ organizationId, space: options.idempotency.space ?? "", key: options.idempotency.key })] : []),
  ...inputs.flatMap(({ idempotencyKey: key }) => (key === undefined ? [] : [claimId({ organizationId, space: "", key })])),
];

/** What makes two events the same under one key. */
function eventHash(input: EventInput): Uint8Array {
  if (input.namedByKey) return NAMED;
  const { type, entity, entityId, payload, previous, changes, scope, actor, source, occurredAt, application } = input;
  return bodyHash(
    JSON.stringify([
      type,
      entity ?? null,
      entityId ?? null,
      previous ?? null,
      changes ?? [],
      scope ?? null,
      actor ?? null,
      source ?? null,
      occurredAt ?? null,
      // Without one the hash is that of before there were any.
      ...(application == null ? [] : [application]),
    ]),
    payload,
  );
}

/** What it would take under each of its keys. */
export function claimsOf(call: IngestCall, views: readonly IncomingEvent[]): KeyClaim[] {
  const { organizationId, options } = call;
  const claims: KeyClaim[] = call.inputs.flatMap((input, i) => {
    if (input.idempotencyKey === undefined) return [];
    const answer = JSON.stringify({ id: views[i]?.id, type: input.type });
    return [
      { organizationId, space: "", key: input.idempotencyKey, bodyHash: eventHash(input), status: UNSPECIFIED_ANSWER.status, answer },
    ];
  });
  if (options.idempotency) {
    const { space = "", key, bodyHash: hash } = options.idempotency;
    const { status, answer } = options.answer?.(views.map(({ id, type }) => ({ id, type }))) ?? UNSPECIFIED_ANSWER;
    // One key in both places means the call's.
    const rest = claims.filter((claim) => claim.space !== space || claim.key !== key);
    return [...rest, { organizationId, space, key, bodyHash: hash, status, answer }];
  }
  return claims;
}

/** Which of several it is, before a message. */
const at = ({ inputs }: IngestCall, i: number) => (inputs.length > 1 ? `events.${i}.idempotencyKey: ` : "");

/** What a call becomes once it is known which of its keys are new. */
export function settleKeys<C extends IngestCall>(
  call: C,
  views: readonly IncomingEvent[],
  claims: ReadonlyMap<string, KeyClaim>,
  known: ReadonlyMap<string, KeptAnswer>,
): Taken<C> | Error {
  const { organizationId, options } = call;
  const callKey = options.idempotency
    ? claimId({ organizationId, space: options.idempotency.space ?? "", key: options.idempotency.key })
    : undefined;
  const kept = callKey === undefined ? undefined : known.get(callKey);
  if (kept) {
    if (!kept.sameBody) return new IdempotencyKeyReusedError();
    return { call, fresh: [], result: { events: [], fresh: [], replayed: { status: kept.status, answer: kept.answer } } };
  }
  const fresh: IncomingEvent[] = [];
  const events: AcceptedEvent[] = [];
  for (const [i, input] of call.inputs.entries()) {
    const view = views[i] as IncomingEvent;
    const id = input.idempotencyKey === undefined ? undefined : claimId({ organizationId, space: "", key: input.idempotencyKey });
    const earlier = id === undefined || id === callKey ? undefined : known.get(id);
    const sibling = id === undefined || id === callKey ? undefined : claims.get(id);
    const other = earlier ? !earlier.sameBody : sibling !== undefined && !isSame(sibling.bodyHash, eventHash(input));
    if (other) return new IdempotencyKeyReusedError(at(call, i));
    const first = earlier?.answer ?? sibling?.answer;
    const known1 = first === undefined ? undefined : (JSON.parse(first) as Partial<AcceptedEvent>);
    if (known1 && typeof known1.id !== "string")
      return new ConflictError(`${at(call, i)}this idempotency key belongs to another call`, "IDEMPOTENCY_KEY_REUSED", 422);
    if (known1?.id !== undefined && known1.id !== view.id) {
      events.push({ id: known1.id, type: known1.type ?? view.type });
      continue;
    }
    fresh.push(view);
    events.push({ id: view.id, type: view.type });
  }
  return { call, fresh, result: { events, fresh } };
}
