/** A worker's end of the channel to its primary. */
import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createLink } from "../../src/cluster/link.ts";
import type { ToPrimary } from "../../src/cluster/messages.ts";
import type { Notifier } from "../../src/db/notify.ts";

function open() {
  const said: ToPrimary[] = [];
  const callbacks: (() => void)[] = [];
  const link = createLink((message, sent) => {
    said.push(message);
    if (sent) callbacks.push(sent);
  });
  return { link, said, sent: () => callbacks.shift()?.() };
}

describe("the channel to the primary", () => {
  test("what comes up in one turn is one message, and the last word on a lane counts", async () => {
    const { link, said } = open();
    link.siblings.holds("a", true);
    link.siblings.holds("b", true);
    link.siblings.holds("a", false);
    link.siblings.tell("c");
    link.siblings.tell("c");
    await setImmediate();
    expect(said).toEqual([{ kind: "lanes", got: ["b"], left: ["a"], work: ["c"] }]);
  });

  test("while a message is on its way the next ones wait, and go as one", async () => {
    const { link, said, sent } = open();
    link.siblings.tell("a");
    await setImmediate();
    for (let i = 0; i < 1_000; i++) {
      link.siblings.tell(`b${i % 3}`);
      if (i % 100 === 0) await setImmediate();
    }
    expect(said).toHaveLength(1);
    sent();
    await setImmediate();
    expect(said.slice(1)).toEqual([{ kind: "lanes", got: [], left: [], work: ["b0", "b1", "b2"] }]);
    sent();
    await setImmediate();
    expect(said).toHaveLength(2);
  });

  test("lanes that a sibling tells of are heard like those of Postgres, until one listens no more", () => {
    const { link } = open();
    const own = new Set<(ids: string[]) => void>();
    const notify: Notifier = {
      connected: true,
      on: (_channel, listener) => {
        own.add(listener);
        return () => own.delete(listener);
      },
      tell: () => undefined,
      statement: () => ({ text: "", values: ["", ""] }),
      start: async () => undefined,
      stop: async () => undefined,
    };
    const hearing = link.hearing(notify);
    const heard: string[][] = [];
    const stop = hearing.on("lane", (ids) => heard.push(ids));
    hearing.on("feed", (ids) => heard.push(ids));
    link.heard({ kind: "work", lanes: ["a"] });
    for (const listener of own) listener(["b"]);
    expect(heard).toEqual([["a"], ["b"], ["b"]]);
    stop();
    link.heard({ kind: "work", lanes: ["c"] });
    expect(heard).toHaveLength(3);
    expect(own.size).toBe(1);
  });

  test("the metrics are those that the primary answers with, each asker its own", async () => {
    const { link, said } = open();
    const [first, second, third] = [link.metricsText(), link.metricsText(), link.metricsText()];
    const failure = expect(third).rejects.toThrow("the primary could not add the metrics up");
    expect(said).toEqual([1, 2, 3].map((id) => ({ kind: "metrics", id })));
    link.heard({ kind: "text", id: 2, text: "two" });
    link.heard({ kind: "text", id: 1, text: "one" });
    link.heard({ kind: "text", id: 3, text: undefined });
    expect(await Promise.all([first, second])).toEqual(["one", "two"]);
    await failure;
  });
});
