/** Signing secrets that are rotated while an earlier overlap still runs. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CreateDefinitionInput, createDefinition, rotateSigningSecret } from "../../src/definitions/definitions.ts";
import { signingSecrets } from "../../src/definitions/secrets.ts";
import { createPlans } from "../../src/delivery/plan.ts";
import { createSandbox, type Sandbox } from "../../src/delivery/sandbox/sandbox.ts";
import { type TestCore, testCore } from "../helpers/database.ts";

let t: TestCore;
let sandbox: Sandbox;
beforeAll(async () => {
  t = await testCore();
  sandbox = createSandbox();
});
afterAll(async () => {
  await sandbox.close();
  await t.close();
});

const create = (input: Partial<CreateDefinitionInput> = {}) =>
  createDefinition(
    t.core,
    t.admin,
    { name: "Orders", targetUrl: "https://shop.example/hooks", eventTypes: ["order.*"], ...input },
    { sandbox, payloadQuery: { check: () => [] } },
  );
const living = async (id: string) =>
  (await signingSecrets(t.core.db.pool, id)).map(({ kind, expiresAt }) => `${kind}${expiresAt ? " ends" : ""}`);

test("secrets rotated without an overlap sign alone: a former one of an earlier overlap ends too", async () => {
  const { definition } = await create({ signatureVersions: ["V1", "V1A"] });
  await rotateSigningSecret(t.core, t.admin, definition.id, 86_400);
  await rotateSigningSecret(t.core, t.admin, definition.id, 0);
  expect(await living(definition.id)).toEqual(["STANDARD", "ED25519"]);
});

test("secrets rotated with a shorter overlap end no later than it says, and none lives longer for a longer one", async () => {
  const { definition } = await create();
  const ends = async () => {
    const secrets = await signingSecrets(t.core.db.pool, definition.id);
    return secrets.map(({ expiresAt }) => expiresAt && Math.round((expiresAt.getTime() - Date.now()) / 3_600_000));
  };
  await rotateSigningSecret(t.core, t.admin, definition.id, 86_400);
  await rotateSigningSecret(t.core, t.admin, definition.id, 3_600);
  expect(await ends()).toEqual([null, 1, 1]);
  await rotateSigningSecret(t.core, t.admin, definition.id, 604_800);
  expect(await ends()).toEqual([null, 168, 1, 1]);
});

test("secrets rotated again and again: the newest three former ones of a kind sign, so that no header grows without end", async () => {
  const { definition, signingSecret: first } = await create({ signatureVersions: ["V1", "V1A"] });
  const secrets = [first];
  for (let i = 0; i < 5; i++) secrets.push((await rotateSigningSecret(t.core, t.admin, definition.id, 604_800)).signingSecret);
  const pair = ["ED25519 ends", "STANDARD ends"];
  expect((await living(definition.id)).sort()).toEqual(["ED25519", "STANDARD", ...pair, ...pair, ...pair].sort());
  const hmac = ((await createPlans(t.core).get(definition.id, 0))?.keysAt(new Date()) ?? []).flatMap((key) =>
    key.kind === "HMAC" ? [`whsec_${Buffer.from(key.key).toString("base64")}`] : [],
  );
  expect(hmac).toEqual(secrets.slice(-4).reverse());
});
