/** One thing that runs out, shared between organizations and their definitions. The rule and why: README.md. Pure. */

export interface Owner {
  readonly organizationId: string;
  readonly definitionId: string;
}

interface Holder {
  used: number;
  definitions: Map<string, number>;
}

/** Part of the whole that first takings of an organization's definitions may fill. */
const FIRSTS = 0.75;
/** Times the whole that floors and first takings may overdraw it to. */
const OVERDRAFT = 2;

export class Shares {
  readonly #capacity: number;
  readonly #floor: number;
  readonly #holders = new Map<string, Holder>();
  #used = 0;

  /** @param floor what an organization may hold however little is free; a definition half of it */
  constructor(capacity: number, floor: number) {
    this.#capacity = capacity;
    this.#floor = floor;
  }

  get used(): number {
    return this.#used;
  }

  of(owner: Owner): number {
    return this.#holders.get(owner.organizationId)?.definitions.get(owner.definitionId) ?? 0;
  }

  ofOrganization(organizationId: string): number {
    return this.#holders.get(organizationId)?.used ?? 0;
  }

  /** How much more an organization may take now, all its definitions together. */
  left(organizationId: string): number {
    return Math.max(this.#capacity - this.#used, this.#floor) - this.ofOrganization(organizationId);
  }

  /** Whether so much more may be taken now. */
  may(owner: Owner, amount = 1): boolean {
    const { organizationId } = owner;
    const organization = this.ofOrganization(organizationId);
    const own = this.of(owner);
    if (this.#used >= this.#capacity * OVERDRAFT) return organization === 0 && this.#used < this.#capacity * OVERDRAFT * 2;
    if (own === 0 && organization < this.#capacity * FIRSTS) return true;
    if (amount > this.left(organizationId)) return false;
    return own + amount <= Math.max(this.#capacity - this.#used - organization, this.#floor / 2);
  }

  /** Takes it, whether or not it may. */
  take(owner: Owner, amount = 1): void {
    let holder = this.#holders.get(owner.organizationId);
    if (!holder) {
      holder = { used: 0, definitions: new Map() };
      this.#holders.set(owner.organizationId, holder);
    }
    holder.used += amount;
    holder.definitions.set(owner.definitionId, (holder.definitions.get(owner.definitionId) ?? 0) + amount);
    this.#used += amount;
  }

  give(owner: Owner, amount = 1): void {
    const holder = this.#holders.get(owner.organizationId);
    if (!holder) return;
    const own = holder.definitions.get(owner.definitionId) ?? 0;
    const given = Math.min(own, amount);
    holder.used -= given;
    this.#used -= given;
    if (own > given) holder.definitions.set(owner.definitionId, own - given);
    else holder.definitions.delete(owner.definitionId);
    if (holder.definitions.size === 0) this.#holders.delete(owner.organizationId);
  }
}
