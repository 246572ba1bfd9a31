/** A worker's end of the channel to its primary. */
import type { Siblings } from "../core.ts";
import type { Notifier } from "../db/notify.ts";
import type { ToPrimary, ToWorker } from "./messages.ts";

export interface Link {
  siblings: Siblings;
  /** Lanes that siblings tell of are heard like those that Postgres notifies of. */
  hearing(notify: Notifier): Notifier;
  /** Of all processes. */
  metricsText(): Promise<string>;
  dashboardBuilt: Promise<void>;
  heard(message: ToWorker): void;
}

/** @param send calls back when the message is on its way */
export function createLink(send: (message: ToPrimary, sent?: () => void) => void): Link {
  const held = new Map<string, boolean>();
  const work = new Set<string>();
  const listeners = new Set<(lanes: string[]) => void>();
  const asked = new Map<number, (text: string | undefined) => void>();
  const dashboard = Promise.withResolvers<void>();
  let lastId = 0;
  let planned = false;

  /** What came up in one turn of the event loop, or while a message was on its way, goes as one: a primary that stands still costs no memory. */
  function plan(): void {
    if (planned) return;
    planned = true;
    setImmediate(() => {
      const lanes = [...held];
      const message: ToPrimary = {
        kind: "lanes",
        got: lanes.filter(([, got]) => got).map(([lane]) => lane),
        left: lanes.filter(([, got]) => !got).map(([lane]) => lane),
        work: [...work],
      };
      held.clear();
      work.clear();
      send(message, () => {
        planned = false;
        if (held.size + work.size > 0) plan();
      });
    });
  }

  return {
    siblings: {
      holds(lane, got) {
        held.set(lane, got);
        plan();
      },
      tell(lane) {
        work.add(lane);
        plan();
      },
    },
    hearing: (notify) => ({
      get connected() {
        return notify.connected;
      },
      on(channel, listener) {
        const stop = notify.on(channel, listener);
        if (channel === "lane") listeners.add(listener);
        return () => {
          stop();
          listeners.delete(listener);
        };
      },
      tell: notify.tell,
      statement: notify.statement,
      start: notify.start,
      stop: notify.stop,
    }),
    metricsText() {
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        asked.set(id, (text) => (text === undefined ? reject(new Error("the primary could not add the metrics up")) : resolve(text)));
        send({ kind: "metrics", id });
      });
    },
    dashboardBuilt: dashboard.promise,
    heard(message) {
      if (message.kind === "dashboard") dashboard.resolve();
      if (message.kind === "work") for (const listener of listeners) listener(message.lanes);
      if (message.kind === "text") {
        asked.get(message.id)?.(message.text);
        asked.delete(message.id);
      }
    },
  };
}
