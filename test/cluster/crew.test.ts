/** What a primary hears of its workers, over a worker that is none: what Node tells of one comes in an order that it does not promise. */
import cluster, { type Worker } from "node:cluster";
import { EventEmitter } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { createCrew } from "../../src/cluster/crew.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("what a worker said last, read after its end, is not heard", async () => {
  const child = Object.assign(new EventEmitter(), { send: () => true, connected: false, kill: () => true, pid: 1 });
  const worker = Object.assign(new EventEmitter(), { id: 7, process: child, isConnected: () => false, send: () => true });
  vi.spyOn(cluster, "setupPrimary").mockReturnValue();
  vi.spyOn(cluster, "fork").mockReturnValue(worker as unknown as Worker);
  const told: string[] = [];
  const crew = createCrew({
    workers: 1,
    start: () => ({ kind: "stop" }),
    heard: (_member, message) => told.push(message.kind),
    gone: () => told.push("gone"),
    died: () => undefined,
  });
  const started = crew.start();
  worker.emit("message", { kind: "up" });
  await started;
  const lanes = { kind: "lanes", got: ["a"], left: [], work: [] };
  worker.emit("message", lanes);
  worker.emit("exit", 1, null);
  worker.emit("message", lanes);
  worker.emit("message", { kind: "counts", id: undefined, counts: [] });
  expect(told).toEqual(["lanes", "gone"]);
  await crew.stop(1_000);
});
