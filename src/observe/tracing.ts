/** Traces: what a call or an event belongs to elsewhere, and the spans of ours, which are there only with OpenTelemetry (open-tracing.ts). */

/** W3C Trace Context, checked (wire/trace-context.ts). */
export interface TraceContext {
  /** `00-<trace>-<parent>-<flags>` */
  readonly traceparent: string;
  readonly tracestate: string | null;
}

/** What of an ingest call its span says. Ids are as people know them. */
export interface IngestFacts {
  organization: string;
  events: number;
  /** Of its only event. */
  type: string | undefined;
}

/** What of an attempt its span says. */
export interface AttemptFacts {
  organization: string;
  webhook: string;
  request: string;
  event: string;
  /** From 1. */
  attempt: number;
  /** False: a script of ours runs, nobody is called. */
  call: boolean;
}

/** How an attempt ended. */
export interface AttemptEnd {
  /** Without what may be a secret in it. */
  url: string;
  outcome: string;
  status: number | null;
  /** Null: it was delivered. */
  error: string | null;
}

export interface Span<End> {
  /** Of the span itself: what its children have as their parent. */
  readonly context: TraceContext;
  /** Once. One that is never ended is never exported. */
  end(how: End): void;
}

export interface Tracing {
  /** @param parent of the call; undefined: a trace begins here @param links of events that are of other traces */
  ingest(facts: IngestFacts, parent: TraceContext | undefined, links: readonly TraceContext[]): Span<{ error: string | null }>;
  /** @param parent of the event; undefined: a trace begins here */
  attempt(facts: AttemptFacts, parent: TraceContext | undefined): Span<AttemptEnd>;
  /** What is not exported within `ms` is lost. */
  close(ms: number): Promise<void>;
}

/** The ids as a line of the log names them, so that whoever reads traces finds it. */
export const traceIds = (traceparent: string): { trace_id: string; span_id: string } => ({
  trace_id: traceparent.slice(3, 35),
  span_id: traceparent.slice(36, 52),
});
