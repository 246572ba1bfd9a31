/** B21: a worker process with a small heap drains a backlog of large payloads. The full sizes: `npm run faults -- --only F37`. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPayloadQuery } from "../../../src/api/graphql/payload-query.ts";
import { createDefinition } from "../../../src/definitions/definitions.ts";
import { createSandbox, type Sandbox } from "../../../src/delivery/sandbox/sandbox.ts";
import { MASTER_KEY_TEXT, type TestCore, testCore } from "../../helpers/database.ts";
import { type TestEngine, testEngine } from "../../helpers/engine.ts";
import { startProgram } from "../../helpers/program.ts";
import { startReceiver } from "../../helpers/receiver.ts";

const MAIN = path.resolve(import.meta.dirname, "../../../src/main.ts");
const HEAP_MB = 192;

let t: TestCore;
let sandbox: Sandbox;
let engine: TestEngine;

beforeAll(async () => {
  t = await testCore();
  sandbox = createSandbox();
  engine = await testEngine(t.core, { sandbox, worker: false });
});
afterAll(async () => {
  await engine?.close();
  await sandbox?.close();
  await t?.close();
});

test("B21 125 events of 0.95 MB and 500 of 100 KB, over 100 keys, with a heap of 192 MB", { timeout: 300_000 }, async () => {
  const receiver = await startReceiver();
  const seen = new Map<string, number[]>();
  let count = 0;
  receiver.respond((call) => {
    const { data } = call.json() as { data: { n: number; key: string } };
    seen.set(data.key, [...(seen.get(data.key) ?? []), data.n]);
    count += 1;
    // What is counted need not be kept.
    receiver.calls.length = 0;
    return 200;
  });
  const input = { name: "large", targetUrl: `${receiver.url}/large`, eventTypes: ["*"], ordering: "KEY" as const };
  await createDefinition(t.core, t.admin, input, { sandbox, payloadQuery: createPayloadQuery() });
  const text = randomBytes(400 * 1_024).toString("hex");
  for (let n = 0; n < 625; n++) {
    const large = n % 5 === 0;
    const key = `k${n % 100}`;
    const pad = text.slice(0, large ? 778_000 : 102_400) + (large ? text.slice(0, 200_000) : "");
    const payload = JSON.stringify({ n, key, pad });
    await engine.engine.ingest.emit(t.organizationId, [{ type: "large", entity: "e", entityId: key, payload }]);
  }
  const program = startProgram(
    {
      DATABASE_URL: t.url,
      HOOKLINE_ROLES: "worker",
      HOOKLINE_MASTER_KEY: `1:${MASTER_KEY_TEXT}`,
      HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
    },
    { command: [process.execPath, `--max-old-space-size=${HEAP_MB}`, MAIN] },
  );
  try {
    await program.up();
    for (const deadline = performance.now() + 240_000; count < 625; await new Promise((resolve) => setTimeout(resolve, 50))) {
      if (program.child.exitCode !== null || program.child.signalCode !== null) throw new Error(`it died: ${program.err()}`);
      if (performance.now() > deadline) throw new Error(`${count} of 625 arrived: ${program.err()}`);
    }
    for (const numbers of seen.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(seen.size).toBe(100);
  } finally {
    await program.kill();
    await receiver.close();
  }
});
