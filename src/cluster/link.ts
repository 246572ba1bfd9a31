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
  heard(message: ToWorker): void;
}

export function createLink(send: (message: ToPrimary) => void): Link {
  const held = new Map<string, boolean>();
  const work = new Set<string>();
  const listeners = new Set<(lanes: string[]) => void>();
  const asked = new Map<number, (text: string | undefined) => void>();
  let lastId = 0;
  let planned = false;

  /** What came up in one turn of the event loop goes as one message. */
  function plan(): void {
    if (planned) return;
    planned = true;
    setImmediate(() => {
      planned = false;
      const lanes = [...held];
      send({
        kind: "lanes",
        got: lanes.filter(([, got]) => got).map(([lane]) => lane),
        left: lanes.filter(([, got]) => !got).map(([lane]) => lane),
        work: [...work],
      });
      held.clear();
      work.clear();
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
    heard(message) {
      if (message.kind === "work") for (const listener of listeners) listener(message.lanes);
      if (message.kind === "text") {
        asked.get(message.id)?.(message.text);
        asked.delete(message.id);
      }
    },
  };
}
