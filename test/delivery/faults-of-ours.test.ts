/** A fault of ours, wherever it is thrown on the way of one request, is that request's outcome, logged, and nobody else's. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createEgress } from "../../src/delivery/egress.ts";
import { Incoming } from "../../src/delivery/incoming.ts";
import { createTransport } from "../../src/delivery/transport.ts";
import { dialects } from "../../src/wire/dialects.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";
import { type Delivery, openDelivery } from "./delivery-setup.ts";
import { call, codeOf } from "./transport-setup.ts";

let d: Delivery;
let receiver: Receiver;

beforeAll(async () => {
  d = await openDelivery();
  receiver = await startReceiver();
});
afterEach(() => vi.restoreAllMocks());
afterAll(async () => {
  await d?.close();
  await receiver?.close();
});

/** Of the definition beside it: what happens to one is not the other's. */
async function healthy(type: string): Promise<void> {
  const id = await d.definition({ targetUrl: `${receiver.url}/healthy`, eventTypes: [type] });
  await d.emit(type);
  await d.request(id, "DELIVERED");
}

describe("B33 a dialect that throws", () => {
  it("in render: RENDER_ERROR, tried again by the schedule, the lane goes on", async () => {
    const type = "throws.render";
    const id = await d.definition({ targetUrl: `${receiver.url}/render`, eventTypes: [type], retrySchedule: [1] });
    const real = dialects.STANDARD.render;
    vi.spyOn(dialects.STANDARD, "render").mockImplementation((input) => {
      if (input.event.entity === "bad") throw new TypeError("a fault of ours");
      return real(input);
    });
    const bad = await d.emit(type, { entity: "bad" });
    const good = await d.emit(type, { entity: "good" });
    const request = await d.request(id, "REJECTED", bad);
    expect(await d.attempts(request)).toMatchObject([
      {
        outcome: "BLOCKED",
        error_code: "RENDER_ERROR",
        error_description: "the request could not be rendered (TypeError: a fault of ours)",
      },
      { outcome: "BLOCKED", error_code: "RENDER_ERROR" },
    ]);
    await d.request(id, "DELIVERED", good);
    await healthy("beside.render");
  });

  it("in judge: RESPONSE_INVALID with the status that came", async () => {
    const id = await d.definition({
      targetUrl: `${receiver.url}/judge`,
      eventTypes: ["throws.judge"],
      retrySchedule: [],
      dialect: "CRMCOM",
    });
    vi.spyOn(dialects.CRMCOM, "judge").mockImplementation(() => {
      throw new RangeError("a fault of ours");
    });
    receiver.respond(202);
    await d.emit("throws.judge");
    const [attempt] = await d.attempts(await d.request(id, "REJECTED"));
    expect(attempt).toMatchObject({ outcome: "REFUSED", error_code: "RESPONSE_INVALID", status_code: 202 });
  });
});

describe("B33 what a definition holds", () => {
  it("a signing key that is none: SECRET_UNREADABLE, not a plan that cannot be loaded", async () => {
    const id = await d.definition({
      targetUrl: `${receiver.url}/key`,
      eventTypes: ["bad.key"],
      retrySchedule: [],
      signatureVersions: ["V1A"],
    });
    const { organizationId } = d.t;
    const { rows } = await d.t.core.db.pool.query("SELECT version FROM signing_secret WHERE definition_id = $1", [id]);
    const sealed = d.t.core.vault.seal("c2hvcnQ=", `${organizationId}/${id}/signing/${rows[0].version}`);
    await d.t.core.db.pool.query("UPDATE signing_secret SET ciphertext = $2 WHERE definition_id = $1", [id, sealed]);
    await d.t.core.db.pool.query("UPDATE webhook_definition SET name = 'again' WHERE id = $1", [id]);
    await d.emit("bad.key");
    const [attempt] = await d.attempts(await d.request(id, "REJECTED"));
    expect(attempt).toMatchObject({ outcome: "BLOCKED", error_code: "SECRET_UNREADABLE" });
    expect(attempt?.error_description).toContain("an Ed25519 seed is base64 of 32 bytes");
    await healthy("beside.key");
  });

  it("a sandbox that is gone: RENDER_ERROR", async () => {
    const id = await d.definition({
      ...{ targetUrl: `${receiver.url}/sandbox`, eventTypes: ["no.sandbox"], retrySchedule: [] },
      transformation: "function transform() { return { body: 1 } }",
    });
    vi.spyOn(d.engine.engine.sandbox, "transform").mockRejectedValue(new Error("a sandbox thread does not start"));
    await d.emit("no.sandbox");
    const [attempt] = await d.attempts(await d.request(id, "REJECTED"));
    expect(attempt?.error_description).toBe("the request could not be rendered (Error: a sandbox thread does not start)");
  });
});

describe("B33 a callback of the reply's parser that throws ends its call alone", () => {
  it.each(["start", "add", "whole"] as const)("%s", async (method) => {
    const out = createTransport({ egress: createEgress({ allow: ["127.0.0.0/8"] }), clock: systemClock });
    receiver.respond({ body: "text" });
    expect(codeOf(await out.send(call(receiver.url)))).toBe("REPLY 200");
    vi.spyOn(Incoming.prototype, method).mockImplementationOnce(() => {
      throw new TypeError("a fault of ours");
    });
    expect(codeOf(await out.send(call(receiver.url)))).toBe("REFUSED RESPONSE_INVALID");
    expect(codeOf(await out.send(call(receiver.url)))).toBe("REPLY 200");
    await out.close();
  });
});
