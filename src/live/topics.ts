/**
 * Who wants what in one organization: subscribers indexed by topic (a definition, a goal), so that a change touches
 * only those who asked for it, plus those who asked for all. Pure.
 */
export interface Topics<S> {
  /** @param topicId undefined: every topic */
  add(topicId: string | undefined, subscriber: S): void;
  remove(topicId: string | undefined, subscriber: S): void;
  wants(topicId: string): boolean;
  /** Those of the topic and those of all. Safe when a subscriber leaves while it runs. */
  each(topicId: string, visit: (subscriber: S) => void): void;
  readonly size: number;
}

export function createTopics<S>(): Topics<S> {
  const all = new Set<S>();
  const byTopic = new Map<string, Set<S>>();
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(topicId, subscriber) {
      let set = all;
      if (topicId !== undefined) {
        set = byTopic.get(topicId) ?? new Set();
        byTopic.set(topicId, set);
      }
      if (!set.has(subscriber)) size++;
      set.add(subscriber);
    },
    remove(topicId, subscriber) {
      const set = topicId === undefined ? all : byTopic.get(topicId);
      if (set?.delete(subscriber)) size--;
      if (topicId !== undefined && set?.size === 0) byTopic.delete(topicId);
    },
    wants: (topicId) => all.size > 0 || byTopic.has(topicId),
    each(topicId, visit) {
      for (const subscriber of byTopic.get(topicId) ?? []) visit(subscriber);
      for (const subscriber of all) visit(subscriber);
    },
  };
}
