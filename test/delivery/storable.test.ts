/** Whatever a receiver says, and whatever was sent, is settled once and logged. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPayloadQuery } from "../../src/api/graphql/payload-query.ts";
import { createDefinition } from "../../src/definitions/definitions.ts";
import { storableText } from "../../src/delivery/storable.ts";
import { type TestCore, testCore } from "../helpers/database.ts";
import { type TestEngine, testEngine } from "../helpers/engine.ts";
import { type Receiver, startReceiver } from "../helpers/receiver.ts";

let t: TestCore;
let receiver: Receiver;
let e: TestEngine;

const HOSTILE = "before\0between\ud800after";

beforeAll(async () => {
  t = await testCore();
  receiver = await startReceiver();
  receiver.respond(200);
  e = await testEngine(t.core, {
    // What no transport of ours lets through, so that the writing side is seen by itself.
    wrapTransport: (transport) => ({
      ...transport,
      async send(call) {
        const sent = await transport.send(call);
        return JSON.parse(JSON.stringify(sent), (key, value: unknown) =>
          key === "headers" ? { "x-hostile": HOSTILE } : key === "body" ? HOSTILE : value,
        ) as typeof sent;
      },
    }),
  });
  const input = { name: "Texts", targetUrl: `${receiver.url}/texts`, eventTypes: ["texts"] };
  await createDefinition(t.core, t.admin, input, { sandbox: e.engine.sandbox, payloadQuery: createPayloadQuery() });
});
afterAll(async () => {
  await e?.close();
  await receiver?.close();
  await t?.close();
});

test("NUL and halves of surrogates become U+FFFD, other text stays as it is", () => {
  expect(storableText(HOSTILE)).toBe("before\uFFFDbetween\uFFFDafter");
  expect(storableText("plain \u{1F600}")).toBe("plain \u{1F600}");
  expect(storableText(`${HOSTILE} and more`, 6)).toBe("before");
});

test("B24 a reply of NUL and half surrogates, to a payload of 1 MiB of one character: settled at once, logged, never repeated", async () => {
  await e.engine.ingest.emit(t.organizationId, [{ type: "texts", payload: JSON.stringify({ n: "x".repeat(2 ** 20 - 100) }) }]);
  const row = async () => t.core.db.prisma.webhookRequest.findFirst({ where: { organizationId: t.organizationId } });
  for (const deadline = Date.now() + 15_000; (await row())?.state !== "DELIVERED" && Date.now() < deadline; );
  expect(await row()).toMatchObject({ state: "DELIVERED", attemptCount: 1 });
  const { rows } = await t.core.db.pool.query("SELECT response_body, response_headers FROM attempt WHERE organization_id = $1", [
    t.organizationId,
  ]);
  expect(rows).toEqual([
    { response_body: "before\uFFFDbetween\uFFFDafter", response_headers: { "x-hostile": "before\uFFFDbetween\uFFFDafter" } },
  ]);
  expect(receiver.calls).toHaveLength(1);
});
