/** OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT switches it on: its packages are loaded then, and not before. */
import type { Config } from "../config.ts";
import type { Tracing } from "./tracing.ts";
import type { Warnings } from "./warnings.ts";

/** Undefined: it is off. */
export async function openTracing({ tracing }: Pick<Config, "tracing">, warnings: Pick<Warnings, "warn">): Promise<Tracing | undefined> {
  if (!tracing) return undefined;
  const { createTracing } = await import("./opentelemetry.ts");
  return createTracing(tracing, warnings);
}
