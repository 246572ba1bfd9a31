/** What other processes are told gathers for a moment. A process that stops before that is over sends it first. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
beforeAll(async () => {
  d = await openDelivery({}, { worker: false });
});
afterAll(() => d?.close());

test("B50 what was accepted just before a process without a worker stopped is told to the others", async () => {
  await d.definition({ targetUrl: "https://receiver.example/", eventTypes: ["last.words"] });
  const other = new pg.Client({ connectionString: d.t.url });
  await other.connect();
  const heard: (string | undefined)[] = [];
  other.on("notification", ({ payload }) => heard.push(payload));
  await other.query("LISTEN hookline_feed");
  await d.emit("last.words");
  await d.engine.engine.drain(1_000);
  // What was committed before a statement is heard before its answer; the timer that would tell it else has not run.
  await other.query("SELECT 1");
  expect(heard).toEqual([d.t.organizationId]);
  await other.end();
});
