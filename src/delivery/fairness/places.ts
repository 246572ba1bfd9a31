/** Which lane may send next: places of the process, connections of a host, turns of those that wait. The rules: README.md. */
import type { LaneRef } from "../lane-id.ts";
import type { Pace } from "./pace.ts";
import { type Owner, Shares } from "./shares.ts";

export interface PlaceLimits {
  /** Calls in flight, all together. */
  places: number;
  /** Calls in flight to one host. */
  connections: number;
}

export const PLACE_LIMITS: PlaceLimits = { places: 2_048, connections: 400 };

/** Places of an organization, however little is free. */
const FLOOR = 8;
/** Lanes in one turn of an organization. */
const TURN = 16;
/** Waiting lanes of a definition that are kept by name; of more it is known that there are more. */
const NAMES = 10_000;
/** Of all definitions: one keeps no more than are left of them, but a few in any case. */
const ALL_NAMES = 100_000;
const FEW_NAMES = 256;
/** When so few are left of those that were kept, the others are looked for. */
const RUN_OUT = 1 / 10;
/** Definitions looked at for one lane that may go; the turns go on from there the next time. */
const LOOKS = 1_024;
/** So many waiting lanes of an organization are a backlog: they begin at a pace. */
const BACKLOG = 256;
/** Hosts by definition, kept beyond those that hold places. */
const MAX_HOSTS = 20_000;

/** What a lane holds while it sends. */
export interface Place {
  readonly owner: Owner;
  /** Calls that it may have in flight. */
  count: number;
  /** Counted with this host's connections. */
  host: string;
}

interface Waiting {
  owner: Owner;
  lanes: Set<LaneRef>;
  /** There were more than are kept, when so many were; 0: no more. */
  more: number;
}

export interface Places {
  /** A lane that perhaps has work queues, once. @returns false: more of its definition wait than are kept by name */
  offer(ref: LaneRef, owner: Owner): boolean;
  withdraw(ref: LaneRef): void;
  queued(ref: LaneRef): boolean;
  /** The next lanes whose turn it is, each with its place. @param most at most so many */
  next(most: number): { ref: LaneRef; place: Place }[];
  /** A place for a lane that is held already, past the queue of those that are not; undefined: it must queue. */
  enter(owner: Owner): Place | undefined;
  /** One more call in flight. */
  more(place: Place): boolean;
  /** So many calls fewer; the last gives the place back. */
  give(place: Place, count?: number): void;
  /** Where a definition's calls go. @param place held already, and counted elsewhere perhaps */
  learn(definitionId: string, host: string, place?: Place): void;
  /** Definitions that wait for `learn`. Asked once, forgotten then. */
  takeUnknown(): string[];
  /** Somebody waits whom this place would help. */
  contended(place: Place): boolean;
  /** Something of an organization was delivered, or failed. */
  settled(organizationId: string): void;
  /** Whether lanes wait for nothing but their pace. Asked once, forgotten then. */
  takePaced(): boolean;
  /** Whether somebody who holds little would get a place at once. */
  readonly hasRoom: boolean;
  /** Definitions of which so many lanes wait as are kept by name, until these run out; whoever asks leaves further ones out. */
  takeFull(): string[];
  /** Definitions of which more lanes wait than are kept by name, and whose kept ones run out. Asked once, forgotten then. */
  takeMore(): boolean;
  clear(): void;
  readonly stats: { used: number; waiting: number };
}

/** The first, which goes to the end. Of a map that is not empty. */
function rotated<T>(turns: Map<string, T>): T {
  const [[key, value]] = turns as Iterable<[string, T]> as unknown as [[string, T]];
  turns.delete(key);
  turns.set(key, value);
  return value;
}

/** @param pace of backlogs; without one they begin as fast as there are places */
export function createPlaces(limits: PlaceLimits = PLACE_LIMITS, pace?: Pace): Places {
  const shares = new Shares(limits.places, FLOOR);
  const hosts = new Map<string, Shares>();
  const hostOf = new Map<string, string>();
  /** Definitions that would have had a turn, were it known where their calls go. */
  const unknown = new Set<string>();
  /** Both maps are turns: who had one goes to the end. */
  const organizations = new Map<string, Map<string, Waiting>>();
  const names = new Map<LaneRef, Waiting>();
  /** Lanes of an organization that wait. */
  const waitingOf = new Map<string, number>();
  let paced = false;

  const waits = ({ organizationId }: Owner, by: 1 | -1) => {
    const count = (waitingOf.get(organizationId) ?? 0) + by;
    if (count === 0) waitingOf.delete(organizationId);
    else waitingOf.set(organizationId, count);
  };
  const isBehind = (organizationId: string) => (waitingOf.get(organizationId) ?? 0) >= BACKLOG;

  function may(owner: Owner): boolean {
    if (!shares.may(owner)) return false;
    const host = hostOf.get(owner.definitionId);
    if (host === undefined) {
      unknown.add(owner.definitionId);
      return false;
    }
    return hosts.get(host)?.may(owner) ?? true;
  }

  function count(place: Place, host: string, amount: number): void {
    let connections = hosts.get(host);
    if (!connections) {
      connections = new Shares(limits.connections, FLOOR);
      hosts.set(host, connections);
    }
    connections.take(place.owner, amount);
  }

  function uncount(place: Place, host: string, amount: number): void {
    const connections = hosts.get(host);
    connections?.give(place.owner, amount);
    if (connections?.used === 0) hosts.delete(host);
  }

  function taken(owner: Owner): Place {
    const place: Place = { owner, count: 1, host: hostOf.get(owner.definitionId) as string };
    shares.take(owner);
    count(place, place.host, 1);
    return place;
  }

  function drop(waiting: Waiting): void {
    const { organizationId, definitionId } = waiting.owner;
    const definitions = organizations.get(organizationId);
    definitions?.delete(definitionId);
    if (definitions?.size === 0) organizations.delete(organizationId);
  }

  let moreWait = false;

  const isFull = ({ lanes }: Waiting) => lanes.size >= Math.min(NAMES, Math.max(FEW_NAMES, ALL_NAMES - names.size));

  /** One of its lanes waits no longer. */
  function shrunk(waiting: Waiting): void {
    waits(waiting.owner, -1);
    if (waiting.lanes.size < waiting.more * RUN_OUT) {
      waiting.more = 0;
      moreWait = true;
    }
    if (waiting.lanes.size === 0) drop(waiting);
  }

  /** The lane of one definition whose turn it is. */
  function first(waiting: Waiting): LaneRef {
    const [ref] = waiting.lanes;
    waiting.lanes.delete(ref as LaneRef);
    names.delete(ref as LaneRef);
    shrunk(waiting);
    return ref as LaneRef;
  }

  function* turnOf(definitions: Map<string, Waiting>, most: number, looks: { left: number }) {
    const [one] = definitions.values();
    const { organizationId } = (one as Waiting).owner;
    let lanes = Math.min(TURN, most, Math.max(1, shares.left(organizationId)));
    const behind = pace !== undefined && isBehind(organizationId);
    if (behind) {
      const left = pace.left();
      if (left < lanes) paced = true;
      lanes = Math.min(lanes, left);
    }
    let idle = 0;
    while (lanes > 0 && idle < definitions.size && looks.left > 0) {
      looks.left -= 1;
      const waiting = rotated(definitions);
      if (!may(waiting.owner)) {
        idle += 1;
        continue;
      }
      idle = 0;
      lanes -= 1;
      if (behind) pace.began(1);
      yield { ref: first(waiting), place: taken(waiting.owner) };
    }
  }

  return {
    offer(ref, owner) {
      if (names.has(ref)) return true;
      let definitions = organizations.get(owner.organizationId);
      if (!definitions) {
        definitions = new Map();
        organizations.set(owner.organizationId, definitions);
      }
      let waiting = definitions.get(owner.definitionId);
      if (!waiting) {
        waiting = { owner, lanes: new Set(), more: 0 };
        definitions.set(owner.definitionId, waiting);
      }
      if (isFull(waiting)) {
        waiting.more = waiting.lanes.size;
        return false;
      }
      waiting.lanes.add(ref);
      names.set(ref, waiting);
      waits(owner, 1);
      return true;
    },
    withdraw(ref) {
      const waiting = names.get(ref);
      if (!waiting) return;
      names.delete(ref);
      waiting.lanes.delete(ref);
      shrunk(waiting);
    },
    queued: (ref) => names.has(ref),
    next(most) {
      const given: { ref: LaneRef; place: Place }[] = [];
      const looks = { left: LOOKS };
      for (let idle = 0; given.length < most && idle < organizations.size && looks.left > 0; ) {
        const definitions = rotated(organizations);
        const before = given.length;
        for (const one of turnOf(definitions, most - before, looks)) given.push(one);
        idle = given.length > before ? 0 : idle + 1;
      }
      return given;
    },
    enter(owner) {
      if (!may(owner) || organizations.get(owner.organizationId)?.has(owner.definitionId)) return undefined;
      return taken(owner);
    },
    more(place) {
      if (!may(place.owner)) return false;
      place.count += 1;
      shares.take(place.owner);
      count(place, place.host, 1);
      return true;
    },
    give(place, amount = place.count) {
      const given = Math.min(amount, place.count);
      place.count -= given;
      shares.give(place.owner, given);
      uncount(place, place.host, given);
    },
    learn(definitionId, host, place) {
      if (hostOf.get(definitionId) !== host) {
        hostOf.delete(definitionId);
        hostOf.set(definitionId, host);
        const oldest = hostOf.keys().next().value;
        if (hostOf.size > MAX_HOSTS && oldest !== undefined) hostOf.delete(oldest);
      }
      if (!place || place.host === host) return;
      uncount(place, place.host, place.count);
      place.host = host;
      if (place.count > 0) count(place, host, place.count);
    },
    takeUnknown() {
      const found = [...unknown];
      unknown.clear();
      return found;
    },
    contended({ owner }) {
      const definitions = organizations.get(owner.organizationId);
      if (!definitions) return organizations.size > 0 && shares.used >= limits.places / 2;
      return definitions.has(owner.definitionId) || shares.left(owner.organizationId) <= 0 || shares.used >= limits.places / 2;
    },
    settled(organizationId) {
      if (!isBehind(organizationId)) pace?.other();
    },
    takePaced() {
      const found = paced;
      paced = false;
      return found;
    },
    get hasRoom() {
      return shares.used < limits.places / 2;
    },
    takeFull() {
      const full = [...organizations.values()].flatMap((definitions) =>
        [...definitions.values()].filter((waiting) => waiting.more > 0 || isFull(waiting)),
      );
      for (const waiting of full) waiting.more ||= waiting.lanes.size;
      return full.map(({ owner }) => owner.definitionId);
    },
    takeMore() {
      const found = moreWait;
      moreWait = false;
      return found;
    },
    clear() {
      organizations.clear();
      names.clear();
      waitingOf.clear();
      unknown.clear();
    },
    get stats() {
      return { used: shares.used, waiting: names.size };
    },
  };
}
