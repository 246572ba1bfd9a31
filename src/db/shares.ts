/**
 * A share of a pool for each organization: one whose reads are slow waits for its own, and never takes all connections. Of
 * those that wait a bounded number does so for a bounded time; the rest is told to come again.
 */
import { RateLimitedError } from "../errors.ts";

export interface ShareLimits {
  /** Connections that one organization may use at once. */
  most: number;
  /** Callers of one organization that may wait for one. */
  waiting: number;
  /** How long, in milliseconds. */
  patienceMs: number;
}

interface Share {
  used: number;
  waiting: Set<() => void>;
}

const RETRY_AFTER_S = 1;

export class Shares {
  readonly #limits: ShareLimits;
  readonly #shares = new Map<string, Share>();
  /** Callers that were told to come again. */
  refused = 0;

  constructor(limits: ShareLimits) {
    this.#limits = limits;
  }

  /** @returns what to call, once, at the end. @throws RateLimitedError too many wait, or this one waited too long */
  async enter(key: string): Promise<() => void> {
    let share = this.#shares.get(key);
    if (!share) {
      share = { used: 0, waiting: new Set() };
      this.#shares.set(key, share);
    }
    if (share.used < this.#limits.most) share.used += 1;
    else await this.#wait(share);
    return this.#leaving(key, share);
  }

  #leaving(key: string, share: Share): () => void {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const [next] = share.waiting;
      // The place goes on to the next one.
      if (next) return next();
      share.used -= 1;
      if (share.used === 0) this.#shares.delete(key);
    };
  }

  #wait(share: Share): Promise<void> {
    const refuse = () => {
      this.refused += 1;
      return new RateLimitedError(RETRY_AFTER_S);
    };
    if (share.waiting.size >= this.#limits.waiting) return Promise.reject(refuse());
    return new Promise((resolve, reject) => {
      const go = () => {
        clearTimeout(late);
        share.waiting.delete(go);
        resolve();
      };
      const late = setTimeout(() => {
        share.waiting.delete(go);
        reject(refuse());
      }, this.#limits.patienceMs);
      share.waiting.add(go);
    });
  }
}
