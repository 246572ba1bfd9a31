/** What a lane's run has in hand of its queue, in the order of the queue, and the bytes taken for it. No effects. */
import { type Bytes, LANE_BYTES } from "./fairness/bytes.ts";
import type { Owner } from "./fairness/shares.ts";
import type { LanePage } from "./lane-claim.ts";
import { type Entry, entryOf, type QueuedRequest } from "./queued.ts";
import { isSettled, type Settlement } from "./settlement.ts";

/** Requests kept in memory behind the window; the rest stays in the table. */
const BUFFER = 256;
/** Bytes of a lane ordered NONE against those of a strict one. */
const FREE = 4;

export class LaneQueue {
  readonly #free: boolean;
  readonly #owner: Owner;
  readonly #bytes: Bytes;
  /** The lane's last number that we know to be in hand or behind us. */
  known: number;
  /** There may be more in the table than in memory. */
  more = false;
  buffer: Entry[] = [];
  #marking: Entry[] = [];
  marked: Entry[] = [];
  readonly inFlight = new Set<Entry>();
  /** Answered, by request id, until it is settled. */
  readonly #answered = new Map<string, Entry>();
  /** Bytes taken for what is marked, in flight or not settled. */
  #held = 0;

  constructor(free: boolean, owner: Owner, bytes: Bytes, known: number) {
    this.#free = free;
    this.#owner = owner;
    this.#bytes = bytes;
    this.known = known;
  }

  get ids(): string[] {
    return [...this.buffer, ...this.#marking, ...this.marked, ...this.inFlight].map((entry) => entry.id).concat([...this.#answered.keys()]);
  }

  /** Nothing stands between those that are marked and whatever comes next: also none that is being marked at this moment. */
  get clear(): boolean {
    return !this.more && this.buffer.length === 0 && this.#marking.length === 0;
  }

  get empty(): boolean {
    return this.inFlight.size === 0 && this.marked.length === 0 && this.#answered.size === 0;
  }

  take(page: LanePage): void {
    const inHand = new Set(this.ids);
    this.buffer.push(...page.entries.filter((entry) => !inHand.has(entry.id)));
    this.more ||= page.more;
    // A page that is not full says all there was: what is missing up to the lane's last number is settled, or not due yet.
    const last = page.more ? Math.max(0, ...page.entries.map(({ light }) => light.laneNumber)) : page.lastNumber;
    this.known = Math.max(this.known, last);
  }

  /** From ingest: `sending` of them are SENDING already, the others are kept as long as there is room for them. */
  accept(requests: readonly QueuedRequest[], sending: number, before: number, after: number, reading: boolean): void {
    const entries = requests.map(entryOf);
    for (const entry of entries.slice(0, sending)) {
      this.#charge(entry);
      this.marked.push(entry);
    }
    // Only what follows directly on what we know may run from memory: otherwise there are unread ones before it.
    if (before !== this.known || this.more || reading) {
      this.more = true;
      return;
    }
    // A call of very many comes without its requests: they are in the table.
    let all = requests.length === after - before;
    for (const entry of entries.slice(sending)) {
      all &&= this.buffer.length < BUFFER && this.#bytes.keepAhead(this.#owner, entry.bytes);
      if (!all) break;
      entry.charged = entry.bytes;
      this.buffer.push(entry);
    }
    if (all) this.known = after;
    else this.more = true;
  }

  /** What is in hand, of the buffered ones up to `most`. @param now monotonic milliseconds */
  hand(now: number, most: number) {
    const { buffer, marked, inFlight, more } = this;
    const due = this.#due(now, Math.max(1, most));
    return {
      ...{ buffered: buffer.length, due, fitting: most > 0 ? this.#fitting(due) : 0, more },
      ...{ marked: marked.length, ready: marked[0]?.full != null, inFlight: inFlight.size },
    };
  }

  /** How many from the first are due, up to a number. */
  #due(now: number, most: number): number {
    let count = 0;
    while (count < most && count < this.buffer.length && !isLater(this.buffer[count], now)) count += 1;
    return count;
  }

  /** How many of so many from the first have their bytes. */
  #fitting(due: number): number {
    const most = LANE_BYTES * (this.#free ? FREE : 1);
    let bytes = 0;
    let missing = 0;
    for (let count = 0; count < due; count++) {
      const entry = this.buffer[count] as Entry;
      bytes += entry.bytes;
      missing += entry.bytes - entry.charged;
      if (this.#held + bytes > most && this.#held + bytes > entry.bytes) return count;
      if (missing > 0 && !this.#bytes.may(this.#owner, missing)) return count;
    }
    return due;
  }

  /** The first so many are about to be marked: they take their bytes. */
  mark(count: number): Entry[] {
    this.#marking = this.buffer.splice(0, count);
    for (const entry of this.#marking) this.#charge(entry);
    return this.#marking;
  }

  /**
   * Those that were to be marked are, or are not after all: their definition was stopped between two statements of the commit, and may
   * be going again by now. They stand in the table before what is in memory, which is read again, or it would overtake them.
   */
  written(ids: ReadonlySet<string>): void {
    const marking = this.#marking.splice(0);
    for (const entry of marking) {
      if (ids.has(entry.id)) this.marked.push(entry);
      else this.#giveBack(entry);
    }
    if (marking.some((entry) => !ids.has(entry.id))) this.forget();
  }

  /** What was read of the queue counts no more. */
  forget(): void {
    for (const entry of this.buffer.splice(0)) this.#bytes.give(this.#owner, entry.charged);
    this.more = true;
  }

  answered(entry: Entry): void {
    this.inFlight.delete(entry);
    this.#answered.set(entry.id, entry);
  }

  settled(settlements: readonly Settlement[]): void {
    for (const { request } of settlements) {
      const entry = this.#answered.get(request.id);
      this.#answered.delete(request.id);
      if (entry) this.#giveBack(entry);
    }
  }

  /** What was marked and not sent. */
  unmark(): string[] {
    const entries = this.marked.splice(0);
    for (const entry of entries) this.#giveBack(entry);
    return entries.map((entry) => entry.id);
  }

  /** The lane is no longer ours. */
  end(): void {
    this.forget();
    this.#bytes.give(this.#owner, this.#held);
    this.#held = 0;
  }

  /** The position below which nothing of a strict lane is unsettled, once these are settled; null: they settle nothing. */
  readFrom(settlements: readonly Settlement[]): number | null {
    const settled = settlements.filter((s) => isSettled(s) && !s.blocks).map((s) => s.request.position);
    if (this.#free || settled.length === 0) return null;
    const left = [...this.buffer, ...this.#marking, ...this.marked, ...this.inFlight].map(({ light }) => light.position);
    const again = settlements.filter((s) => !isSettled(s) || s.blocks).map((s) => s.request.position);
    return Math.min(Math.max(...settled) + 1, ...left, ...again);
  }

  #charge(entry: Entry): void {
    this.#bytes.take(this.#owner, entry.bytes - entry.charged);
    entry.charged = entry.bytes;
    this.#held += entry.bytes;
  }

  #giveBack(entry: Entry): void {
    this.#held -= entry.charged;
    this.#bytes.give(this.#owner, entry.charged);
    entry.charged = 0;
  }
}

export function isLater(entry: Entry | undefined, now: number): boolean {
  return entry?.light.dueAt != null && entry.light.dueAt > now;
}
