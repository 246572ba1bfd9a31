/**
 * Names that are looked up now. The system's resolver (getaddrinfo: hosts file, search domains, nsswitch) holds a thread of the pool
 * for each name until it answers, ten seconds and more where a name's servers are mute, whoever has given up meanwhile. So:
 *   - a name is asked for once at a time, whoever waits for it;
 *   - fewer names are under way than the pool takes: the rest waits here, where it can be told apart;
 *   - an owner takes a further lookup while he has fewer under way than are free: alone he has half of them, and others find some;
 *   - owners take turns;
 *   - names that took longer lately than a call waits go apart, a few at a time and in turns: they hold up no other name of their owner
 *     either. One that has answered before is soon tried among the others again: its servers, or this process, had a bad moment.
 */
import { systemClock } from "../clock.ts";
import { POOL_THREADS } from "../memory.ts";

export interface Address {
  address: string;
  family: 4 | 6;
}

/** All addresses of a name. Rejects with a code such as ENOTFOUND. */
export type Resolver = (hostname: string) => Promise<Address[]>;

/** @param owner whose share of the lookups it takes */
export type Names = (hostname: string, owner: string) => Promise<Address[]>;

/** libuv gives lookups half of its threads; one is left to names that are not asked for here, such as the database's. */
const AT_ONCE = Math.max(2, Math.floor((POOL_THREADS + 1) / 2) - 1);
/** Part of the lookups that names known to be mute may hold. */
const PART_OF_MUTE = 1 / 4;
/** No call waits longer for its name (transport.ts): what takes longer is mute, and what waited longer is not begun. */
const PATIENCE_MS = 5_000;
/** For so long a name is known to be mute, unless it answers. */
const MUTE_MS = 10 * 60_000;
/** And one that answered before, or answers late. */
const SLOW_MS = 30_000;
/** Names that are remembered as mute, and as good. */
const MOST_KNOWN = 10_000;

interface Name {
  readonly hostname: string;
  readonly answer: Promise<Address[]>;
  /** Undefined once it is asked for, or given up. */
  begin: (() => Promise<{ answered: boolean }>) | undefined;
  giveUp(): void;
  askedAt: number;
}

/** Those of each owner, who had a turn last at the end; of one, the name that came last at the end. */
type Turns = Map<string, Set<Name>>;

/** @param atOnce lookups under way @param monotonic milliseconds */
export function createNames(resolver: Resolver, atOnce = AT_ONCE, monotonic = () => systemClock.monotonic()): Names {
  const mostMute = Math.max(1, Math.floor(atOnce * PART_OF_MUTE));
  const names = new Map<string, Name>();
  const [turns, muteTurns]: [Turns, Turns] = [new Map(), new Map()];
  const underWay = new Map<string, number>();
  /** Until when. */
  const mute = new Map<string, number>();
  const good = new Set<string>();
  let [all, allMute] = [0, 0];

  const mayBegin = (owner: string, turnsOf: Turns) => {
    const own = underWay.get(owner) ?? 0;
    return all < atOnce && (own === 0 || own < atOnce - all) && (turnsOf === turns || allMute < mostMute);
  };

  function isMute(hostname: string): boolean {
    const until = mute.get(hostname);
    if (until === undefined || monotonic() < until) return until !== undefined;
    mute.delete(hostname);
    return false;
  }

  function learn(hostname: string, took: number, answered: boolean): void {
    mute.delete(hostname);
    if (took < PATIENCE_MS) {
      // Those that were good last stay known.
      good.delete(hostname);
      if (answered) good.add(hostname);
    } else mute.set(hostname, monotonic() + (answered || good.has(hostname) ? SLOW_MS : MUTE_MS));
    for (const known of [mute, good]) {
      const [oldest] = known.keys();
      if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
    }
  }

  function count(owner: string, turnsOf: Turns, by: 1 | -1): void {
    const own = (underWay.get(owner) ?? 0) + by;
    if (own === 0) underWay.delete(owner);
    else underWay.set(owner, own);
    all += by;
    if (turnsOf === muteTurns) allMute += by;
  }

  async function lookUp(name: Name, begin: () => Promise<{ answered: boolean }>, owner: string, turnsOf: Turns): Promise<void> {
    name.begin = undefined;
    const begun = monotonic();
    count(owner, turnsOf, 1);
    const { answered } = await begin();
    count(owner, turnsOf, -1);
    learn(name.hostname, monotonic() - begun, answered);
    go();
  }

  /** @returns whether one of its names began */
  function turn(owner: string, own: Set<Name>, turnsOf: Turns): boolean {
    for (const name of own) {
      const { begin } = name;
      const isStale = monotonic() - name.askedAt > PATIENCE_MS;
      if (begin && !isStale && !mayBegin(owner, turnsOf)) return false;
      own.delete(name);
      if (begin && isStale) {
        names.delete(name.hostname);
        name.giveUp();
      } else if (begin) {
        void lookUp(name, begin, owner, turnsOf);
        return true;
      }
    }
    return false;
  }

  function go(): void {
    let begun = true;
    while (begun && all < atOnce) {
      begun = false;
      for (const turnsOf of [turns, muteTurns])
        for (const [owner, own] of [...turnsOf]) {
          const hadTurn = turn(owner, own, turnsOf);
          begun ||= hadTurn;
          if (hadTurn || own.size === 0) turnsOf.delete(owner);
          if (own.size > 0) turnsOf.set(owner, own);
        }
    }
  }

  function named(hostname: string): Name {
    const { promise, resolve, reject } = Promise.withResolvers<Address[]>();
    const name: Name = {
      ...{ hostname, answer: promise, askedAt: 0 },
      // First of all: whoever asks once more when he has his answer is not to be given it again.
      begin: () =>
        resolver(hostname)
          .finally(() => names.delete(hostname))
          .then(
            (addresses) => {
              resolve(addresses);
              return { answered: true };
            },
            (error) => {
              reject(error);
              return { answered: false };
            },
          ),
      giveUp() {
        name.begin = undefined;
        reject(Object.assign(new Error(`getaddrinfo EAI_AGAIN ${hostname}`), { code: "EAI_AGAIN" }));
      },
    };
    names.set(hostname, name);
    return name;
  }

  return (hostname, owner) => {
    const name = names.get(hostname) ?? named(hostname);
    if (!name.begin) return name.answer;
    name.askedAt = monotonic();
    const turnsOf = isMute(hostname) ? muteTurns : turns;
    let own = turnsOf.get(owner);
    if (!own) {
      own = new Set();
      turnsOf.set(owner, own);
    }
    // Others may have asked for it, too: it begins at whose turn comes first. Who asks again keeps its place.
    own.add(name);
    go();
    return name.answer;
  };
}
