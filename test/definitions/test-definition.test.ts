/** The test button, against a real receiver. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/accounts/caller.ts";
import { newId } from "../../src/clock.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { stopDefinitions } from "../../src/definitions/state.ts";
import { type TestEventInput, testDefinition } from "../../src/definitions/test-definition.ts";
import { createEgress } from "../../src/delivery/egress.ts";
import { createNumbers } from "../../src/delivery/numbers.ts";
import { createPlans } from "../../src/delivery/plan.ts";
import { createSandbox, type Sandbox } from "../../src/delivery/sandbox/sandbox.ts";
import { createSender } from "../../src/delivery/sender.ts";
import type { TestParts } from "../../src/delivery/test-send.ts";
import { createTransport, type Transport } from "../../src/delivery/transport.ts";
import { ForbiddenError, NotFoundError, ValidationError } from "../../src/errors.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let t: TestCore;
let admin: Caller;
let receiver: Receiver;
let sandbox: Sandbox;
let transport: Transport;
let parts: TestParts;
const payloadQuery = { check: () => [], run: () => "null" };

beforeAll(async () => {
  t = await testCore();
  receiver = await startReceiver();
  sandbox = createSandbox();
  transport = createTransport({ egress: createEgress({ allow: t.core.config.egressAllow }), clock: t.core.clock });
  const sender = createSender(t.core, { transport, engines: { sandbox, payloadQuery }, publicUrl: () => "https://hooks.example" });
  parts = { plans: createPlans(t.core), sender, numbers: createNumbers(t.core.db, t.core.clock), processId: newId() };
});
afterAll(async () => {
  await transport.close();
  await sandbox.close();
  await receiver.close();
  await t.close();
});
beforeEach(async () => {
  admin = (await t.organization()).admin;
});

const define = async (caller = admin) => {
  const input = { name: "D", targetUrl: `${receiver.url}/hook`, eventTypes: ["never"], filter: { payload: { never: true } } };
  return (await createDefinition(t.core, caller, input, { sandbox, payloadQuery })).definition.id;
};
const test = (id: string, event?: TestEventInput, caller = admin) => testDefinition(t.core, parts, caller, id, event);
const request = (id: string) => t.core.db.prisma.webhookRequest.findFirst({ where: { id, organizationId: admin.organizationId } });

describe("testing a definition", () => {
  it("sends at once, whatever its state and filter, and logs it as a test", async () => {
    receiver.respond(200);
    const id = await define();
    await stopDefinitions(t.core, admin, [id]);
    const before = receiver.calls.length;
    const requestId = await test(id, {
      type: "order.created",
      entity: "order",
      entityId: "18",
      payload: { total: 1 },
      scope: { workflow: "w" },
    });
    expect(receiver.calls).toHaveLength(before + 1);
    expect(receiver.calls.at(-1)?.json()).toMatchObject({ type: "order.created", data: { total: 1 } });
    expect(await request(requestId)).toMatchObject({
      isTest: true,
      state: "DELIVERED",
      laneId: null,
      eventType: "order.created",
      entityId: "18",
    });
  });

  it("sends an event of type test when none is given, and logs a failure", async () => {
    receiver.respond(500);
    const requestId = await test(await define());
    expect(receiver.calls.at(-1)?.json()).toMatchObject({ type: "test", data: {} });
    expect(await request(requestId)).toMatchObject({ isTest: true, state: "REJECTED", errorCode: "HTTP_STATUS" });
  });

  it.each<[string, TestEventInput, string[]]>([
    ["a bad type", { type: "a b" }, ["event.type"]],
    ["a long entity id", { type: "a", entityId: "x".repeat(256) }, ["event.entityId"]],
    ["a scope that is no object", { type: "a", scope: ["x"] }, ["event.scope"]],
    ["a payload over 1 MiB", { type: "a", payload: "x".repeat(2 ** 20) }, ["event.payload"]],
  ])("refuses %s, and sends nothing", async (_, event, paths) => {
    const id = await define();
    const before = receiver.calls.length;
    const error = await test(id, event).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ValidationError);
    expect((error as ValidationError).issues.map(({ path }) => path)).toEqual(paths);
    expect(receiver.calls).toHaveLength(before);
  });

  it("is for those who may write, on what is theirs", async () => {
    const id = await define();
    await expect(test(id, undefined, await t.caller("VIEWER", undefined, admin.organizationId))).rejects.toThrow(ForbiddenError);
    await expect(test(id, undefined, (await t.organization()).admin)).rejects.toThrow(NotFoundError);
  });
});
