/** A COMMIT that happened, and whose answer was lost: the step is written again without what stands already. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Database, PoolClient } from "../../src/db/client.ts";
import { updateDefinition } from "../../src/definitions/definitions.ts";
import { resend } from "../../src/delivery/control.ts";
import { writtenAlready } from "../../src/delivery/lane-settle.ts";
import type { LaneStep, Settlement } from "../../src/delivery/settlement.ts";
import { createWarnings, type Warnings } from "../../src/observe/warnings.ts";
import { collectLines } from "../helpers/lines.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";

let d: Delivery;
let receiver: Receiver;
const settled: string[] = [];
const { log, lines } = collectLines();
beforeAll(async () => {
  d = await openDelivery({}, { onSettled: ({ request, state }) => settled.push(`${request.event.type} ${state}`) });
  (d.t.core as { warnings: Warnings }).warnings = createWarnings(log);
  receiver = await startReceiver();
});
afterEach(() => {
  settled.length = 0;
  receiver.respond(200);
});
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

const SETTLES = "settle-requests";

/** Of the next transaction that settles. @param meanwhile happens before anybody looks again */
function loseAnswer(db: Database, meanwhile: () => Promise<unknown> = async () => undefined): void {
  const { together, transaction } = db;
  const lose = async () => {
    Object.assign(db, { together, transaction });
    await meanwhile();
    throw new Error("Connection terminated unexpectedly");
  };
  db.together = async (sent, ahead) => {
    let settles = false;
    const came = await together(() => {
      const all = sent();
      settles = all.some(({ statement }) => statement.name === SETTLES);
      return all;
    }, ahead);
    if (settles) await lose();
    return came;
  };
  db.transaction = async (work, again) => {
    let settles = false;
    const seen = (client: PoolClient) =>
      new Proxy(client, {
        get(target, key) {
          if (key !== "query") return Reflect.get(target, key);
          return (...args: Parameters<typeof target.query>) => {
            settles ||= (args[0] as { name?: string }).name === SETTLES;
            return target.query(...args);
          };
        },
      });
    const result = await transaction((client) => work(seen(client)), again);
    if (settles) await lose();
    return result;
  };
}

test("what a transformation does not send is settled once: who resends it meanwhile is not undone", async () => {
  const input = {
    targetUrl: receiver.url,
    eventTypes: ["lost.skipped"],
    ordering: "KEY",
    transformation: "function transform() { return null }",
  };
  const id = await d.definition(input);
  loseAnswer(d.t.core.db, async () => {
    const request = await d.request(id, "SKIPPED");
    await updateDefinition(d.t.core, d.t.admin, id, { transformation: null }, d.engine.engine);
    await resend(d.t.core, d.t.organizationId, request);
  });
  await d.emit("lost.skipped", { entity: "thing", entityId: "1" });
  await receiver.waitFor(1);
  const request = await d.request(id, "DELIVERED");
  expect(await d.attempts(request)).toMatchObject([{ number: 1, outcome: "DELIVERED" }]);
  expect(settled).toEqual(["lost.skipped SKIPPED", "lost.skipped DELIVERED"]);
});

test("a step that let its lane go is told of as ever, with a line for its block", async () => {
  receiver.respond(500);
  await d.definition({ targetUrl: receiver.url, eventTypes: ["lost.block"], ordering: "KEY", onExhausted: "BLOCK", retrySchedule: [] });
  loseAnswer(d.t.core.db);
  await d.emit("lost.block", { entity: "thing", entityId: "1" });
  await expect.poll(() => lines.filter(({ warning }) => warning === "lane-blocked").length).toBe(1);
  expect(settled).toEqual(["lost.block REJECTED"]);
});

test("what another process logged as interrupted is not ours", async () => {
  const id = await d.definition({ targetUrl: receiver.url, eventTypes: ["lost.lane"], ordering: "KEY" });
  await d.emit("lost.lane", { entity: "thing", entityId: "1" });
  const request = { id: await d.request(id, "DELIVERED"), organizationId: d.t.organizationId };
  const made = (outcome: string, number = 1) => ({ request, attempt: { number, outcome } }) as unknown as Settlement;
  const all = [made("DELIVERED"), made("INTERRUPTED"), made("DELIVERED", 2)];
  const written = await writtenAlready(d.t.core.db, [{ settlements: all }] as unknown as LaneStep[]);
  expect(all.map(written)).toEqual([true, false, false]);
});
