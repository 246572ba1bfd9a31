/** OpenTelemetry's own variables, as its specification names them: what the exporter and the SDK do not read themselves. */
import { z } from "zod";
import { readHttpUrl } from "./http-url.ts";
import { whole } from "./whole.ts";

const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export interface TracingConfig {
  /** Where spans are posted. */
  url: string;
  /** A collector's credentials, mostly. */
  headers: Readonly<Record<string, string>>;
  /** Of one post, its repeats included. */
  timeoutMs: number;
  serviceName: string | undefined;
  sampler: (typeof SAMPLERS)[number];
  /** 0 to 1; of the samplers that take a share. */
  samplerRatio: number;
  /** How long spans are gathered. */
  delayMs: number;
  /** Spans that wait; more are lost. */
  queue: number;
}

const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** `name=value,name=value`, values percent-encoded. */
const headers = z.string().transform((text, ctx) => {
  const entries: [string, string][] = [];
  for (const part of text.split(",").filter((piece) => piece.trim() !== "")) {
    const at = part.indexOf("=");
    const name = part.slice(0, Math.max(at, 0)).trim();
    const value = decoded(part.slice(at + 1).trim());
    if (!HEADER_NAME.test(name) || value === undefined || !/^[\x20-\x7e]*$/.test(value)) {
      // Not the text itself: it holds a secret.
      ctx.addIssue({ code: "custom", message: "must be name=value pairs joined by commas, values percent-encoded, such as api-key=abc" });
      return {};
    }
    entries.push([name, value]);
  }
  return Object.fromEntries(entries);
});

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const endpoint = z
  .string()
  .trim()
  .refine((text) => readHttpUrl(text) !== undefined, "must be the http or https URL of an OTLP collector, such as http://127.0.0.1:4318");

export const TRACING_VARIABLES = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: headers.optional(),
  OTEL_EXPORTER_OTLP_TIMEOUT: whole(1, 600_000).default(10_000),
  OTEL_SERVICE_NAME: z.string().max(255, "must have at most 255 characters").optional(),
  OTEL_TRACES_SAMPLER: z.enum(SAMPLERS, `must be ${SAMPLERS.join(", ")}`).default("parentbased_always_on"),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(?:0|1(?:\.0{1,12})?|0?\.\d{1,12})$/, "must be a number from 0 to 1")
    .transform(Number)
    .default(1),
  OTEL_BSP_SCHEDULE_DELAY: whole(1, 600_000).default(5_000),
  OTEL_BSP_MAX_QUEUE_SIZE: whole(1, 1_000_000).default(2_048),
};

const variables = z.object(TRACING_VARIABLES);

/** Undefined: OpenTelemetry is off. */
export function tracingOf(e: z.infer<typeof variables>): TracingConfig | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: base } = e;
  if (base === undefined) return undefined;
  return Object.freeze({
    url: `${base}${base.endsWith("/") ? "" : "/"}v1/traces`,
    headers: e.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    timeoutMs: e.OTEL_EXPORTER_OTLP_TIMEOUT,
    serviceName: e.OTEL_SERVICE_NAME,
    sampler: e.OTEL_TRACES_SAMPLER,
    samplerRatio: e.OTEL_TRACES_SAMPLER_ARG,
    delayMs: e.OTEL_BSP_SCHEDULE_DELAY,
    queue: e.OTEL_BSP_MAX_QUEUE_SIZE,
  });
}
