import { expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config.ts";

const read = (env: Record<string, string>) => readConfig(env).tracing;
const mistakes = (env: Record<string, string>): string => {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
};
const OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318";

test("without an endpoint it is off", () => expect(read({ OTEL_SERVICE_NAME: "hooks" })).toBeUndefined());

test("spans are posted below the endpoint", () => {
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT })?.url).toBe("http://127.0.0.1:4318/v1/traces");
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://otel.example/base/" })?.url).toBe("https://otel.example/base/v1/traces");
});

test("headers are percent-decoded", () => {
  const { headers } =
    read({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: "api-key=a%3Db, x-tenant = one ,Authorization=Basic%20YQ==" }) ?? {};
  expect(headers).toEqual({ "api-key": "a=b", "x-tenant": "one", Authorization: "Basic YQ==" });
});

test("a sampler and its share", () => {
  expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" })).toMatchObject({
    sampler: "traceidratio",
    samplerRatio: 0.25,
  });
});

test("all mistakes are named together, and no secret", () => {
  const message = mistakes({
    OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317",
    OTEL_EXPORTER_OTLP_HEADERS: "not a pair of hush-hush",
    OTEL_TRACES_SAMPLER: "sometimes",
    OTEL_TRACES_SAMPLER_ARG: "1.5",
    OTEL_BSP_MAX_QUEUE_SIZE: "0",
  });
  for (const name of [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_BSP_MAX_QUEUE_SIZE",
  ])
    expect(message).toContain(`${name}: must be`);
  expect(message).not.toContain("hush-hush");
});
