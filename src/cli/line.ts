/** The live log as lines, one for each attempt. Pure. */

export interface TailAttempt {
  number: number;
  outcome: string;
  statusCode: number | null;
  durationMs: number;
  errorCode: string | null;
  startedAt: string;
}

export interface TailRequest {
  id: string;
  number: number;
  state: string;
  laneNumber: number;
  nextAttemptAt: string | null;
  /** `ordering` null: the dialect's own. */
  webhookDefinition: { code: string; ordering: string | null } | null;
  event: { type: string; entity: string | null; entityId: string | null } | null;
  attempts: { edges: { node: TailAttempt }[] };
}

export interface TailUpdate {
  cursor: string;
  request: TailRequest;
}

export interface AttemptLine {
  request: TailRequest;
  attempt: TailAttempt;
  /** The newest attempt, so that the request's state is its consequence. */
  newest: boolean;
}

/** Attempts asked for with each update: as many as one update may stand for after a gap. */
export const ATTEMPTS_ASKED = 10;

export const SUBSCRIPTION = `subscription Tail($filter: WebhookRequestFilter, $after: String) {
  webhookRequestUpdated(filter: $filter, after: $after) {
    cursor
    request {
      id number state laneNumber nextAttemptAt
      webhookDefinition { code ordering }
      event { type entity entityId }
      attempts(last: ${ATTEMPTS_ASKED}) { edges { node { number outcome statusCode durationMs errorCode startedAt } } }
    }
  }
}`;

/** Requests whose printed attempts are remembered. */
const REMEMBERED = 10_000;
const AFTER_AN_ATTEMPT = new Set(["DELIVERED", "REJECTED", "WAITING"]);

/**
 * Tells which attempts of an update are new. A request seen for the first time shows only the attempt that its change
 * is about: what happened to it before is not this tail's.
 */
export function createAttemptTeller(): (update: TailUpdate) => AttemptLine[] {
  const told = new Map<string, number>();
  return ({ request }) => {
    const attempts = request.attempts.edges.map((edge) => edge.node);
    const last = attempts.at(-1);
    const before = told.get(request.id);
    const seen =
      before ?? (last && (AFTER_AN_ATTEMPT.has(request.state) || last.outcome === "INTERRUPTED") ? last.number - 1 : (last?.number ?? 0));
    told.delete(request.id);
    told.set(request.id, Math.max(seen, last?.number ?? 0));
    if (told.size > REMEMBERED) told.delete(told.keys().next().value as string);
    return attempts.filter((attempt) => attempt.number > seen).map((attempt) => ({ request, attempt, newest: attempt === last }));
  };
}

const clock = (iso: string) => iso.slice(11, 23);

/** `orders`, or `stock/a` where every key has a lane of its own. */
function laneName({ webhookDefinition, event }: TailRequest): string {
  if (!webhookDefinition) return "?";
  return webhookDefinition.ordering === "KEY" && event?.entityId ? `${webhookDefinition.code}/${event.entityId}` : webhookDefinition.code;
}

/** `12:03:04.120  orders #12  attempt 2  DELIVERED 200  4 ms  order.created order/18  request 1041` */
export function formatLine({ request, attempt, newest }: AttemptLine): string {
  const { event } = request;
  const what = [attempt.outcome, attempt.statusCode ?? attempt.errorCode].filter((part) => part !== null).join(" ");
  const subject = event?.entity ? ` ${event.entity}${event.entityId ? `/${event.entityId}` : ""}` : "";
  const next = newest && request.state === "WAITING" && request.nextAttemptAt ? `  again at ${clock(request.nextAttemptAt)}` : "";
  return [
    clock(attempt.startedAt),
    // A test delivery is in no lane.
    `${laneName(request)}${request.laneNumber > 0 ? ` #${request.laneNumber}` : " test"}`.padEnd(18),
    `attempt ${attempt.number}`,
    what.padEnd(26),
    `${attempt.durationMs} ms`.padStart(8),
    `${event?.type ?? "?"}${subject}`,
    `request ${request.number}${next}`,
  ].join("  ");
}
