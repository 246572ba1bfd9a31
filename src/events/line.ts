/**
 * Calls that wait for their transaction, bounded, and which of them go next. Tenants are served in turns, beside each other:
 *
 *   a SHORT turn    as many calls of one organization as fit one statement; calls that arrive meanwhile share the next one
 *                   (delivery/beside.ts says when it begins). Several turns of one organization run at once, of different lanes;
 *                   one place is always left to the others. It waits a moment only for the lock of a lane.
 *   a PATIENT turn  the calls whose lane somebody kept locked. Few places of their own; what else its tenant sends to that lane
 *                   waits behind it, so no call overtakes another in a lane.
 *   a LONG turn     one call too large for one statement. One for each organization, two in a process (one where connections are few).
 *
 * A call waits while an earlier one on its way goes to one of its lanes, or an earlier one that waits and cannot go yet does.
 */
import { afterTurn, type Beside, createBeside } from "../delivery/beside.ts";
import { ROWS } from "../delivery/lane-enqueue.ts";
import type { LaneRef } from "../delivery/lane-id.ts";
import { OverloadedError, RateLimitedError } from "../errors.ts";

export type Turn = "SHORT" | "PATIENT" | "LONG";

export interface Waiting {
  readonly organizationId: string;
  readonly events: number;
  readonly bytes: number;
  readonly lanes: ReadonlySet<LaneRef>;
  /** Requests, which are rows. */
  readonly requests: number;
  /** Too large for one statement. */
  readonly long: boolean;
  /** Calls that share one never share a transaction: the second finds it known. */
  readonly keys: readonly string[];
}

export interface Limits {
  /** Events and bytes that may wait, of all; of one organization half as much. A call of whom nothing waits may go beyond them. */
  events: number;
  bytes: number;
  /** Turns at once, of all organizations: each takes a connection. */
  short: number;
  /** Of patient ones, and of long ones. */
  slow: number;
}

interface Own<C> {
  waiting: C[];
  /** Locked out of a turn: each group for itself. */
  patient: C[][];
  /** Lanes and keys of calls on their way, and of patient ones. */
  busy: Map<string, number>;
  running: Record<Turn, number>;
  /** Its short turns, by their events. */
  beside: Beside;
  events: number;
  bytes: number;
  /** Long calls that wait. */
  long: number;
  /** Nothing could start: not before something ends or comes. */
  stuck: boolean;
}

export interface Line<C extends Waiting> {
  /** @throws RateLimitedError the organization's share is full · OverloadedError the process's is */
  join(call: C): void;
  /** A turn whose lane was locked: its calls wait for a patient one. Called while the turn still runs. */
  putOff(groups: C[][]): void;
  readonly stats: { events: number; bytes: number };
}

/** A further short turn of an organization beside its running ones begins with so many events at least. */
const WORTH = [1, 32, 32];
const WORTH_MORE = 64;
/** And with so many in any case, or a process that waits for the end of thousands has nothing to do meanwhile. */
const ENOUGH = ROWS / 2;
/** A turn beside a single lone call, or beside one that a lock holds up, waits for no more: that is no load yet. */
const isWorth = (beside: Beside, events: number) =>
  events >= ENOUGH || beside.worth(events) || (beside.running === 1 && beside.largest <= 1);
/** Calls looked at for one turn. */
const LOOK = 500;
const RETRY_AFTER_S = 1;
/** Times what may wait, to which first calls may overdraw it. Their bodies are in memory in any case (api/admission.ts). */
const OVERDRAFT = 2;

/** @param run writes a turn; never rejects @param monotonic milliseconds */
export function createLine<C extends Waiting>(
  limits: Limits,
  run: (calls: C[], turn: Turn) => Promise<void>,
  monotonic: () => number,
): Line<C> {
  const organizations = new Map<string, Own<C>>();
  const running: Record<Turn, number> = { SHORT: 0, PATIENT: 0, LONG: 0 };
  const places: Record<Turn, number> = { SHORT: limits.short, PATIENT: limits.slow, LONG: limits.slow };
  const all = { events: 0, bytes: 0 };
  const mostOfOne = Math.max(1, limits.short - 1);

  const count = (own: Own<C>, call: C, sign: 1 | -1) => {
    for (const sum of [own, all]) {
      sum.events += sign * call.events;
      sum.bytes += sign * call.bytes;
    }
  };
  const hold = (own: Own<C>, calls: readonly C[], sign: 1 | -1) => {
    for (const call of calls)
      for (const name of [...call.lanes, ...call.keys]) {
        const held = (own.busy.get(name) ?? 0) + sign;
        if (held === 0) own.busy.delete(name);
        else own.busy.set(name, held);
      }
  };

  /** Calls for a turn, taken out of those that wait. */
  function next(own: Own<C>): { calls: C[]; turn: Turn } | undefined {
    if (own.patient.length > 0 && own.running.PATIENT === 0 && running.PATIENT < places.PATIENT)
      return { calls: own.patient.shift() as C[], turn: "PATIENT" };
    const shortFree = running.SHORT < places.SHORT && own.running.SHORT < mostOfOne;
    const longFree = own.long > 0 && running.LONG < places.LONG && own.running.LONG === 0;
    if (!shortFree && !longFree) return undefined;
    const picked: C[] = [];
    const passed = new Set<LaneRef>();
    const keys = new Set<string>();
    let events = 0;
    let requests = 0;
    for (const call of own.waiting.slice(0, LOOK)) {
      const free =
        call.keys.every((key) => !own.busy.has(key) && !keys.has(key)) &&
        [...call.lanes].every((lane) => !own.busy.has(lane) && !passed.has(lane));
      if (free && call.long && longFree && picked.length === 0) {
        own.waiting = own.waiting.filter((each) => each !== call);
        own.long -= 1;
        return { calls: [call], turn: "LONG" };
      }
      const fits = picked.length === 0 || (events + call.events <= ROWS && requests + call.requests <= ROWS);
      if (free && !call.long && shortFree && fits) {
        picked.push(call);
        events += call.events;
        requests += call.requests;
      } else for (const lane of call.lanes) passed.add(lane);
      for (const key of call.keys) keys.add(key);
    }
    if (picked.length === 0 || !isWorth(own.beside, events)) return undefined;
    const taken = new Set(picked);
    own.waiting = own.waiting.filter((call) => !taken.has(call));
    return { calls: picked, turn: "SHORT" };
  }

  function pump(): void {
    // One that is set anew comes again behind the others.
    for (const [organizationId, own] of organizations) {
      if (own.stuck) continue;
      const turn = next(own);
      if (!turn) {
        own.stuck = true;
        continue;
      }
      organizations.delete(organizationId);
      organizations.set(organizationId, own);
      void start(organizationId, own, turn.calls, turn.turn);
    }
  }

  async function start(organizationId: string, own: Own<C>, calls: C[], turn: Turn): Promise<void> {
    // Patient ones hold their lanes already, since they were put off.
    if (turn !== "PATIENT") hold(own, calls, 1);
    own.running[turn] += 1;
    running[turn] += 1;
    const ended = turn === "SHORT" ? own.beside.begin(calls.reduce((sum, call) => sum + call.events, 0)) : undefined;
    await run(calls, turn);
    ended?.();
    own.running[turn] -= 1;
    running[turn] -= 1;
    hold(own, calls, -1);
    for (const call of calls) count(own, call, -1);
    if (own.waiting.length === 0 && own.patient.length === 0 && Object.values(own.running).every((n) => n === 0))
      organizations.delete(organizationId);
    for (const each of organizations.values()) each.stuck = false;
    plan();
  }

  const plan = afterTurn(pump);

  return {
    join(call) {
      let own = organizations.get(call.organizationId);
      const sum = own ?? { events: 0, bytes: 0 };
      // A lone call always fits, whatever its size.
      if (sum.events > 0 && (sum.events + call.events > limits.events / 2 || sum.bytes + call.bytes > limits.bytes / 2))
        throw new RateLimitedError(RETRY_AFTER_S);
      // Others that fill it keep nobody out of whom nothing waits.
      const most = sum.events === 0 ? OVERDRAFT : 1;
      if (all.events > 0 && (all.events + call.events > limits.events * most || all.bytes + call.bytes > limits.bytes * most))
        throw new OverloadedError(RETRY_AFTER_S);
      if (!own) {
        own = {
          waiting: [],
          patient: [],
          busy: new Map(),
          running: { SHORT: 0, PATIENT: 0, LONG: 0 },
          beside: createBeside(WORTH, WORTH_MORE, monotonic),
          events: 0,
          bytes: 0,
          long: 0,
          stuck: false,
        };
        organizations.set(call.organizationId, own);
      }
      count(own, call, 1);
      own.waiting.push(call);
      if (call.long) own.long += 1;
      own.stuck = false;
      plan();
    },
    putOff(groups) {
      for (const group of groups) {
        const own = organizations.get(group[0]?.organizationId ?? "");
        if (!own) continue;
        own.patient.push(group);
        hold(own, group, 1);
        for (const call of group) count(own, call, 1);
      }
    },
    get stats() {
      return { ...all };
    },
  };
}
