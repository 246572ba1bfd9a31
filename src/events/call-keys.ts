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
  const { organizationId } = call;
  const claims: KeyClaim[] = call.inputs.flatMap((input, i) => {
    if (input.idempotencyKey === undefined) return [];
    const answer = JSON.stringify({ id: views[i]?.id, type: input.type });
    return [
      { organizationId, space: "", key: input.idempotencyKey, bodyHash: eventHash(input), status: UNSPECIFIED_ANSWER.status, answer },
    ];
  });
  const own = claimOfCall(call, views);
  if (!own) return claims;
  // One key in both places means the call's.
  return [...claims.filter((claim) => claimId(claim) !== claimId(own)), own];
}

/** Undefined: the call has no key of its own. */
function claimOfCall({ organizationId, options }: IngestCall, events: readonly AcceptedEvent[]): KeyClaim | undefined {
  if (!options.idempotency) return undefined;
  const { space = "", key, bodyHash } = options.idempotency;
  const answer = options.answer?.(events.map(({ id, type }) => ({ id, type }))) ?? UNSPECIFIED_ANSWER;
  return { organizationId, space, key, bodyHash, ...answer };
}

/** What the call's key is to be kept with after all: some of its events had been taken before, under keys of theirs. */
export function claimAsSettled({ call, result }: Taken, views: readonly IncomingEvent[]): KeyClaim | undefined {
  const stands = result.replayed || result.events.every(({ id }, i) => id === views[i]?.id);
  return stands ? undefined : claimOfCall(call, result.events);
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
  /** The event whose key is the call's. */
  let named: { event: AcceptedEvent; hash: Uint8Array } | undefined;
  for (const [i, input] of call.inputs.entries()) {
    const view = views[i] as IncomingEvent;
    const id = input.idempotencyKey === undefined ? undefined : claimId({ organizationId, space: "", key: input.idempotencyKey });
    if (id !== undefined && id === callKey) {
      const hash = eventHash(input);
      if (named && !isSame(named.hash, hash)) return new IdempotencyKeyReusedError(at(call, i));
      if (named) {
        events.push(named.event);
        continue;
      }
      named = { event: { id: view.id, type: view.type }, hash };
    }
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
