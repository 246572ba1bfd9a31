/** Everybody writes at once: nobody deadlocks, and no event misses a definition that was there before it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { createQueue, type Queue } from "../../src/db/queue.ts";
import { createCatalogs } from "../../src/definitions/catalog.ts";
import { createConnection, updateConnection } from "../../src/definitions/connections.ts";
import { createDefinition, deleteDefinition, rotateSigningSecret, updateDefinition } from "../../src/definitions/definitions.ts";
import { createRule, updateRule } from "../../src/definitions/rules.ts";
import { createSecretKey, deleteSecretKey } from "../../src/definitions/secret-keys.ts";
import { activateDefinitions, stopDefinitions } from "../../src/definitions/state.ts";
import { createNumbers } from "../../src/delivery/numbers.ts";
import { createIngest, type Ingest } from "../../src/events/ingest.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
let queue: Queue;
let ingest: Ingest;
const checks = { sandbox: { check: async () => [] }, payloadQuery: { check: () => [] } };

beforeAll(async () => {
  t = await testCore();
  queue = createQueue(t.url, t.core.log, { worker: false });
  await queue.start([]);
  ingest = createIngest(t.core, { lanes: undefined, catalogs: createCatalogs(), numbers: createNumbers(t.core.db, t.core.clock), queue });
});
afterAll(async () => {
  await queue.stop();
  await t.close();
});

const define = async (input: object = {}) =>
  (await createDefinition(t.core, t.admin, { name: "D", targetUrl: "https://shop.example/", eventTypes: ["order.*"], ...input }, checks))
    .definition.id;
const emit = (type = "order.created") => ingest.emit(t.organizationId, [{ type, entity: "order", entityId: "1", payload: "{}" }]);
const requestsOf = (definitionId: string) =>
  t.core.db.prisma.webhookRequest.count({ where: { organizationId: t.organizationId, definitionId } });

it("all writers at once, without a deadlock", async () => {
  const { core, admin } = t;
  const [a, b, c] = [await define(), await define({ ordering: "KEY" }), await define({ dialect: "SUPEROFFICE" })];
  const rule = await createRule(core, admin, { name: "R", entity: "order", webhookDefinitionIds: [a, b] });
  const connection = await createConnection(core, admin, { name: "C", urlAdded: "https://a.example/" });
  const rounds = (work: (round: number) => Promise<unknown>) => async () => {
    for (let round = 0; round < 25; round++) await work(round);
  };
  const writers = [
    rounds(() => emit()),
    rounds(() => emit()),
    rounds((i) => (i % 2 ? activateDefinitions : stopDefinitions)(core, admin, [a, b, c])),
    rounds((i) => (i % 2 ? activateDefinitions : stopDefinitions)(core, admin, [c, b, a])),
    rounds((i) => updateDefinition(core, admin, b, { name: `B${i}`, connectionId: i % 2 ? connection.id : null }, checks)),
    rounds((i) => updateDefinition(core, admin, a, { state: i % 2 ? "ACTIVE" : "STOPPED" }, checks)),
    rounds((i) => updateRule(core, admin, rule.id, { webhookDefinitionIds: i % 2 ? [a, b, c] : [c, a] })),
    rounds((i) => updateConnection(core, admin, connection.id, { name: `C${i}` })),
    rounds(() => rotateSigningSecret(core, admin, a, 1)),
    rounds(async () => deleteDefinition(core, admin, await define())),
    rounds(async (i) => {
      const key = await createSecretKey(core, admin, { name: `k${i}`, secret: "my-secret-key" });
      await updateDefinition(core, admin, c, { secretKeyId: key.id }, checks);
      await updateDefinition(core, admin, c, { secretKeyId: null }, checks);
      await deleteSecretKey(core, admin, key.id);
    }),
  ];
  const results = await Promise.allSettled(writers.map((writer) => writer()));
  expect(results.filter((result) => result.status === "rejected").map((result) => String(result.reason))).toEqual([]);
});

it("an event finds every definition that was there before it, whoever made it, and none that was stopped before", async () => {
  const other = await t.another();
  for (let round = 0; round < 20; round++) {
    const type = `round.n${round}`;
    const maker = round % 2 ? other : t.core;
    const input = { name: "N", targetUrl: "https://shop.example/", eventTypes: [type] };
    const { id } = (await createDefinition(maker, t.admin, input, checks)).definition;
    await emit(type);
    expect(await requestsOf(id)).toBe(1);
    await stopDefinitions(maker, t.admin, [id]);
    await emit(type);
    expect(await requestsOf(id)).toBe(1);
  }
});
