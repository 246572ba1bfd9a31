/** The switch, as an operator turns it: the program with and without OTEL_EXPORTER_OTLP_ENDPOINT. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startCollector } from "../helpers/collector.ts";
import { createTestDatabase, MASTER_KEY_TEXT } from "../helpers/database.ts";
import { startProgram } from "../helpers/program.ts";
import { startReceiver } from "../helpers/receiver.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";
const TOKEN = "tracing-program-0123456789abcdefghij";

/** Modules that its processes loaded, as V8 lists them at their end; of a file of the bundle (src/bundle.ts), those that it says it was made of. */
async function loadedBy(folder: string): Promise<string[]> {
  const files = await readdir(folder);
  const texts = await Promise.all(files.map((file) => readFile(path.join(folder, file), "utf8")));
  const urls = texts.flatMap((text) => (JSON.parse(text) as { result: { url: string }[] }).result.map(({ url }) => url));
  const parts = urls.map(async (url) => {
    if (!url.includes("/dist/server/")) return [url];
    return [...(await readFile(fileURLToPath(url), "utf8")).matchAll(/^\/\/ (\S+)$/gm)].map(([, part]) => `/${part}`);
  });
  return (await Promise.all(parts)).flat();
}

/** One delivery of the whole program, and its stop. */
async function run(env: Record<string, string>) {
  const [receiver, database, coverage] = await Promise.all([
    startReceiver(),
    createTestDatabase(),
    mkdtemp(path.join(tmpdir(), "hookline-v8-")),
  ]);
  const program = startProgram({
    ...{ DATABASE_URL: database.url, HOOKLINE_MASTER_KEY: `1:${MASTER_KEY_TEXT}`, HOOKLINE_ADMIN_TOKEN: TOKEN },
    ...{
      HOOKLINE_EGRESS_ALLOW: "127.0.0.0/8",
      HOOKLINE_LOG_LEVEL: "info",
      HOOKLINE_DATA_DIR: coverage,
      NODE_V8_COVERAGE: path.join(coverage, "v8"),
    },
    ...env,
  });
  try {
    const url = await program.up();
    const post = async (at: string, body: object, headers: Record<string, string> = {}) => {
      const sent = { "content-type": "application/json", authorization: `Bearer ${TOKEN}`, ...headers };
      const response = await fetch(url + at, { method: "POST", headers: sent, body: JSON.stringify(body) });
      expect(response.ok).toBe(true);
    };
    const query = `mutation { createWebhookDefinition(input: { name: "Orders", targetUrl: "${receiver.url}", eventTypes: ["a.b"] }) { __typename } }`;
    await post("/graphql", { query });
    await post("/v1/events", { type: "a.b" }, { traceparent: `00-${TRACE}-${PARENT}-01` });
    await receiver.waitFor(1, 60_000);
    const attempts = () =>
      program
        .err()
        .split("\n")
        .filter((line) => line.includes('"msg":"attempt"'));
    await program.until(() => attempts().length > 0);
    expect(await program.stop()).toBe(0);
    const line = JSON.parse(attempts()[0] as string) as Record<string, unknown>;
    return { line, sent: receiver.calls[0]?.headers["traceparent"], loaded: await loadedBy(path.join(coverage, "v8")) };
  } finally {
    await program.kill();
    await receiver.close();
    await database.drop();
    await rm(coverage, { recursive: true, force: true });
  }
}

const isSdk = (url: string) => /@opentelemetry\/(?!api\/)/.test(url);

test("off: nothing of it is loaded, and the line of an attempt says what came", { timeout: 180_000 }, async () => {
  const { line, sent, loaded } = await run({});
  expect(sent).toBe(`00-${TRACE}-${PARENT}-01`);
  expect(line).toMatchObject({ outcome: "DELIVERED", trace_id: TRACE, span_id: PARENT });
  expect(loaded.some((url) => url.endsWith("/src/observe/open-tracing.ts"))).toBe(true);
  expect(loaded.filter(isSdk)).toEqual([]);
});

test("on: a stop sends the last spans, and the line has the attempt's span", { timeout: 180_000 }, async () => {
  const collector = await startCollector();
  try {
    const { line, sent, loaded } = await run({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=of%20the%20collector",
      OTEL_SERVICE_NAME: "hooks",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
      // Longer than the program lives.
      OTEL_BSP_SCHEDULE_DELAY: "600000",
    });
    expect(loaded.some(isSdk)).toBe(true);
    const [attempt] = collector.spans("hookline attempt");
    expect(attempt).toMatchObject({
      traceId: TRACE,
      parentId: PARENT,
      resource: { "service.name": "hooks", "deployment.environment.name": "test" },
    });
    expect(sent).toBe(`00-${TRACE}-${attempt?.spanId}-01`);
    expect(line).toMatchObject({ trace_id: TRACE, span_id: attempt?.spanId });
    expect(collector.spans("hookline ingest")).toHaveLength(1);
    expect(collector.http.calls[0]).toMatchObject({ path: "/v1/traces", headers: { "api-key": "of the collector" } });
  } finally {
    await collector.close();
  }
});
