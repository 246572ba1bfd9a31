/**
 * Spans of ingest calls and attempts, sent to an OTLP collector by the OpenTelemetry SDK. Loaded by open-tracing.ts, when it is on. A
 * collector that is away or hangs costs spans and nothing else: what waits for it is bounded, and calls never wait.
 */
import {
  type Attributes,
  createTraceState,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { newId } from "../clock.ts";
import type { TracingConfig } from "../config/tracing.ts";
import type { AttemptEnd, TraceContext, Tracing } from "./tracing.ts";
import type { Warnings } from "./warnings.ts";

const SAMPLED = 1;
/** Links of one span; more events of other traces than that are told of by their attempts alone. */
const MOST_LINKS = 100;

function samplerOf({ sampler, samplerRatio }: TracingConfig): Sampler {
  const root = sampler.endsWith("always_off")
    ? new AlwaysOffSampler()
    : sampler.endsWith("always_on")
      ? new AlwaysOnSampler()
      : new TraceIdRatioBasedSampler(samplerRatio);
  return sampler.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

const flagsOf = (context: TraceContext) => Number.parseInt(context.traceparent.slice(53, 55), 16);

function remoteOf(context: TraceContext): SpanContext {
  const { traceparent, tracestate } = context;
  return {
    traceId: traceparent.slice(3, 35),
    spanId: traceparent.slice(36, 52),
    traceFlags: flagsOf(context),
    isRemote: true,
    ...(tracestate !== null && { traceState: createTraceState(tracestate) }),
  };
}

/** Of a span, for its children elsewhere. Flags that say nothing to us are those of its parent. */
function contextOf({ traceId, spanId, traceFlags }: SpanContext, parent: TraceContext | undefined): TraceContext {
  const flags = ((parent ? flagsOf(parent) : 0) & ~SAMPLED) | traceFlags;
  return { traceparent: `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`, tracestate: parent?.tracestate ?? null };
}

const LOST = "spans are lost: the collector of OTEL_EXPORTER_OTLP_ENDPOINT did not take them";
const quiet = () => undefined;

/** What cannot be sent is lost, and said: at most one line a minute. */
function watched(exporter: SpanExporter, warnings: Pick<Warnings, "warn">): SpanExporter {
  const lost = (told: Record<string, unknown>) => warnings.warn("spans-lost", "collector", told, LOST);
  // That more wait than may, the SDK tells its diagnostics alone.
  const warn = (text: string) => void (text.startsWith("Dropped ") && lost({ err: text }));
  const logger = { error: quiet, warn, info: quiet, debug: quiet, verbose: quiet };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error) lost({ err: result.error.message.slice(0, 500), spans: spans.length });
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}

/** Of a script there is none. */
function placeOf(url: string): Attributes {
  const { hostname, port, protocol } = URL.parse(url) ?? { hostname: "", port: "", protocol: "" };
  if (hostname === "") return {};
  return { "server.address": hostname, "server.port": Number(port) || (protocol === "https:" ? 443 : 80), "url.full": url };
}

const ending = ({ url, outcome, status, error }: AttemptEnd): Attributes => ({
  ...placeOf(url),
  "hookline.outcome": outcome,
  ...(status !== null && { "http.response.status_code": status }),
  ...(error !== null && { "error.type": error }),
});

export function createTracing(config: TracingConfig, warnings: Pick<Warnings, "warn">): Tracing {
  const exporter = new OTLPTraceExporter({ url: config.url, headers: config.headers, timeoutMillis: config.timeoutMs });
  const processor = new BatchSpanProcessor({
    exporter: watched(exporter, warnings),
    maxQueueSize: config.queue,
    maxExportBatchSize: Math.min(512, config.queue),
    scheduledDelayMillis: config.delayMs,
    // A little more than the exporter itself waits, whose own word is better.
    exportTimeoutMillis: config.timeoutMs + 1_000,
  });
  const resource = defaultResource()
    .merge(resourceFromAttributes({ "service.name": "hookline", "service.instance.id": newId() }))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(config.serviceName === undefined ? {} : { "service.name": config.serviceName }));
  const provider = new TracerProvider({ resource, sampler: samplerOf(config), spanProcessors: [processor] });
  const tracer = provider.getTracer("hookline");

  function begin(
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    parent: TraceContext | undefined,
    links: readonly TraceContext[] = [],
  ) {
    const around = parent ? trace.setSpanContext(ROOT_CONTEXT, remoteOf(parent)) : ROOT_CONTEXT;
    const of = links.slice(0, MOST_LINKS).map((link) => ({ context: remoteOf(link) }));
    const span = tracer.startSpan(name, { kind, attributes, links: of }, around);
    return { span, context: contextOf(span.spanContext(), parent) };
  }

  return {
    ingest({ organization, events, type }, parent, links) {
      const attributes = {
        "hookline.organization": organization,
        "hookline.events": events,
        ...(type !== undefined && { "hookline.event.type": type }),
      };
      const { span, context } = begin("hookline ingest", SpanKind.PRODUCER, attributes, parent, links);
      return {
        context,
        end({ error }) {
          if (error !== null) span.setAttribute("error.type", error).setStatus({ code: SpanStatusCode.ERROR, message: error });
          span.end();
        },
      };
    },
    attempt({ organization, webhook, request, event, attempt, call }, parent) {
      const attributes = {
        "hookline.organization": organization,
        "hookline.webhook": webhook,
        "hookline.request": request,
        "hookline.event": event,
        "hookline.attempt": attempt,
        ...(call && { "http.request.method": "POST" }),
      };
      const { span, context } = begin("hookline attempt", call ? SpanKind.CLIENT : SpanKind.INTERNAL, attributes, parent);
      return {
        context,
        end(how) {
          span.setAttributes(ending(how));
          if (how.error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: how.error });
          span.end();
        },
      };
    },
    async close(ms) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms);
      });
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}
