/** A lane's place while it is held here: taken for what it sends, given back when it has nothing to send. */
import type { Clock } from "../../clock.ts";
import type { Place, Places } from "./places.ts";
import type { Owner } from "./shares.ts";

/** Sends, and milliseconds, after which a lane gives its place up when others wait for it. */
const BUDGET = 256;
const BUDGET_MS = 5_000;

export class LanePlace {
  readonly owner: Owner;
  readonly #places: Places;
  readonly #clock: Clock;
  #place: Place | undefined;
  #sends = 0;
  #since = 0;

  constructor(places: Places, clock: Clock, owner: Owner) {
    this.#places = places;
    this.#clock = clock;
    this.owner = owner;
  }

  get held(): boolean {
    return this.#place !== undefined;
  }

  /** Its turn has come. */
  put(place: Place): void {
    this.#place = place;
    this.#sends = 0;
    this.#since = this.#clock.monotonic();
  }

  /** Without a turn, where there is enough for all. */
  enter(): boolean {
    if (this.#place) return true;
    const place = this.#places.enter(this.owner);
    if (place) this.put(place);
    return place !== undefined;
  }

  give(): void {
    if (this.#place) this.#places.give(this.#place);
    this.#place = undefined;
  }

  /** Calls that may be in flight at once: a place for each, as many as are wanted and to be had. */
  slots(most: number, wanted: number): number {
    const place = this.#place;
    if (!place) return 0;
    const needed = Math.max(1, Math.min(most, wanted));
    while (place.count < needed && this.#places.more(place));
    if (place.count > needed) this.#places.give(place, place.count - needed);
    return place.count;
  }

  sent(host: string): void {
    this.#sends += 1;
    if (this.#place) this.#places.learn(this.owner.definitionId, host, this.#place);
  }

  /** It had its turn, and others wait for theirs. */
  get spent(): boolean {
    if (!this.#place || (this.#sends < BUDGET && this.#clock.monotonic() - this.#since < BUDGET_MS)) return false;
    return this.#places.contended(this.#place);
  }
}
