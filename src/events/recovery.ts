/** Replays as somebody asks for them: of what was REJECTED, or MISSED. */
import { type Caller, demand } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { MAX_SKEW_MS } from "../db/clock-skew.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import type { RequestFilter } from "../requests/filter.ts";
import { planRejected, type ReplayPlan } from "../requests/plan-replay.ts";
import { eligible, insertReplay, type Jobs, REPLAY_JOB, type ReplayKind, type ReplayRow, startReplay } from "../requests/replay.ts";
import { STATES_OF } from "../requests/row.ts";
import { type Missed, type MissedFilter, missedUntilId, planMissed } from "./missed.ts";

export interface ReplayInput {
  kind: ReplayKind;
  /** UUID. */
  webhookDefinitionId?: string | undefined;
  /** When the events were accepted, both ends included; until now when absent. */
  since: Date;
  until?: Date | null | undefined;
  filter: RequestFilter;
  ratePerSecond?: number | null | undefined;
}

const MOST_PER_SECOND = 1_000;
/** All that can be said of an event that has no request. */
const OF_EVENTS: ReadonlySet<string> = new Set(["webhookDefinitionId", "eventType", "entity", "entityId", "createdAfter", "createdBefore"]);

function issuesOf({ kind, webhookDefinitionId, since, until, filter, ratePerSecond }: ReplayInput): Issue[] {
  const issues: Issue[] = [];
  const say = (path: string, message: string) => issues.push({ path, message });
  if (until && until < since) say("until", "must not be earlier than since");
  if (ratePerSecond != null && !(Number.isInteger(ratePerSecond) && ratePerSecond >= 1 && ratePerSecond <= MOST_PER_SECOND))
    say("ratePerSecond", `must be 1 to ${MOST_PER_SECOND}; leave it out for as fast as its receivers take them`);
  if (kind === "MISSED") {
    if (webhookDefinitionId === undefined) say("webhookDefinitionId", "is needed with MISSED: whose missed events are to be sent");
    for (const name of Object.keys(filter))
      if (!OF_EVENTS.has(name))
        say(`filter.${name}`, "says nothing of an event that has no request; MISSED takes eventType, entity and entityId");
  } else {
    const states = [...(filter.state ?? []), ...(filter.lifeCycleState ?? []).flatMap((lifeCycle) => STATES_OF[lifeCycle])];
    if (states.some((state) => !STATES_OF.REJECTED.includes(state)))
      say("filter.state", "must be REJECTED, SKIPPED or CANCELLED; resendWebhookRequests sends again what was delivered");
  }
  if (webhookDefinitionId !== undefined && filter.webhookDefinitionId !== undefined && filter.webhookDefinitionId !== webhookDefinitionId)
    say("filter.webhookDefinitionId", "is another definition than webhookDefinitionId");
  return issues;
}

const later = (a: Date | undefined, b: Date) => (a && a > b ? a : b);

/** The clock of whoever accepted an event may be ahead; and what comes after has its requests already. */
const soon = (now: Date) => new Date(now.getTime() + MAX_SKEW_MS);

/** Both ends are included, while a filter's end is not. */
function requestsOf({ webhookDefinitionId, since, until, filter }: ReplayInput, now: Date): RequestFilter {
  const end = new Date((until ?? soon(now)).getTime() + 1);
  const { createdBefore } = filter;
  return eligible({
    ...filter,
    ...(webhookDefinitionId === undefined ? {} : { webhookDefinitionId }),
    createdAfter: later(filter.createdAfter, since),
    createdBefore: createdBefore && createdBefore < end ? createdBefore : end,
  });
}

function missedOf(organizationId: string, { webhookDefinitionId, since, until, filter }: ReplayInput, now: Date): Missed {
  const { createdAfter, createdBefore, eventType, entity, entityId } = filter;
  const end = until && until < now ? until : soon(now);
  const before = createdBefore && new Date(createdBefore.getTime() - 1);
  const only = Object.entries({ eventType, entity, entityId }).filter(([, value]) => value !== undefined);
  return {
    ...{ organizationId, definitionId: webhookDefinitionId as string },
    ...{ since: later(createdAfter, since), until: before && before < end ? before : end },
    filter: Object.fromEntries(only) as MissedFilter,
  };
}

/** @throws ValidationError NotFoundError ForbiddenError */
async function checked(core: Core, caller: Caller, input: ReplayInput): Promise<void> {
  const issues = issuesOf(input);
  if (issues.length > 0) throw new ValidationError(issues);
  const { webhookDefinitionId: id } = input;
  if (id === undefined) return;
  const where = { id, organizationId: caller.organizationId, deletedAt: null };
  if ((await core.db.prisma.webhookDefinition.count({ where })) === 0) throw new NotFoundError("the webhook definition");
}

/** What `createReplay` would send. Writes nothing. @throws as createReplay, but for the state of the definition */
export async function planReplay(core: Core, caller: Caller, input: ReplayInput): Promise<ReplayPlan & { organizationId: string }> {
  demand(caller, "webhooks:read");
  await checked(core, caller, input);
  const { organizationId } = caller;
  const now = core.clock.now();
  if (input.kind === "REJECTED") return { organizationId, ...(await planRejected(core.db, organizationId, requestsOf(input, now))) };
  const missed = missedOf(organizationId, input, now);
  const plan = await planMissed(core, missed);
  if (!plan) throw new NotFoundError("the webhook definition");
  const { total, totalCapped, oldest, newest } = plan;
  return { organizationId, total, totalCapped, oldest, newest, shares: total === 0 ? [] : [{ definitionId: missed.definitionId, total }] };
}

/**
 * @throws ValidationError for an input that fits no replay · NotFoundError for an unknown definition · ForbiddenError
 * @throws ConflictError MISSED, and the definition is not ACTIVE
 */
export async function createReplay(core: Core, jobs: Jobs, caller: Caller, input: ReplayInput): Promise<ReplayRow> {
  demand(caller, "webhooks:write");
  await checked(core, caller, input);
  const now = core.clock.now();
  if (input.kind === "REJECTED") return startReplay(core, jobs, caller, requestsOf(input, now), input.ratePerSecond);
  const missed = missedOf(caller.organizationId, input, now);
  const plan = await planMissed(core, missed);
  if (!plan) throw new NotFoundError("the webhook definition");
  if (!plan.active)
    throw new ConflictError(
      "the webhook definition is not ACTIVE: activate it, with recoverMissedSince for what it missed meanwhile",
      "DEFINITION_NOT_ACTIVE",
    );
  return core.db.transaction(async (client) => {
    const made = await insertMissed(core, client, caller, missed, plan.total, input.ratePerSecond);
    await jobs.send(client, REPLAY_JOB, { organizationId: caller.organizationId, replayId: made.id });
    return made;
  });
}

const insertMissed = (core: Core, client: PoolClient, caller: Caller, missed: Missed, total: number, ratePerSecond?: number | null) => {
  const { filter, definitionId, since, until } = missed;
  const untilId = missedUntilId(until);
  return insertReplay(core, client, caller, {
    kind: "MISSED",
    filter,
    total,
    untilId,
    ratePerSecond,
    missed: { definitionId, since, until },
  });
};

/**
 * Replays of what definitions missed since then, in the transaction that activates them.
 * @returns what gives them their jobs once it is committed: a tenant's session may not write those. One whose process dies
 * in between gets its job from a chore.
 */
export async function recoverMissed(
  core: Core,
  jobs: Jobs,
  client: PoolClient,
  caller: Caller,
  definitionIds: readonly string[],
  since: Date,
): Promise<{ replays: ReplayRow[]; start(): Promise<void> }> {
  const { organizationId } = caller;
  const until = soon(core.clock.now());
  if (since > core.clock.now()) throw new ValidationError([{ path: "recoverMissedSince", message: "must not lie in the future" }]);
  const replays: ReplayRow[] = [];
  for (const definitionId of new Set(definitionIds))
    replays.push(await insertMissed(core, client, caller, { organizationId, definitionId, since, until, filter: {} }, 0));
  return {
    replays,
    async start() {
      for (const { id } of replays) await jobs.send(core.db.pool, REPLAY_JOB, { organizationId, replayId: id });
    },
  };
}
