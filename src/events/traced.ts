/** An ingest call and the traces that its events belong to. */
import type { Core } from "../core.ts";
import type { TraceContext } from "../observe/tracing.ts";
import { globalId } from "../wire/ids.ts";
import type { EventInput } from "./input.ts";

/** An event's own trace wins over the call's. */
const inTrace = (inputs: EventInput[], trace: TraceContext | undefined): EventInput[] =>
  trace ? inputs.map((input) => (input.trace ? input : { ...input, trace })) : inputs;

/** Of the others, each once. */
const linked = (inputs: readonly EventInput[], parent: TraceContext | undefined): TraceContext[] => [
  ...new Map(
    inputs.flatMap(({ trace }) => (trace && trace.traceparent !== parent?.traceparent ? [[trace.traceparent, trace] as const] : [])),
  ).values(),
];

const nameOf = (error: unknown): string => {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "Error";
};

export interface TracedCall {
  inputs: EventInput[];
  /** Absent: there are no spans. @param error what the call was refused with */
  end?(error?: unknown): void;
}

/**
 * Events of a call that is of no trace belong to that of its span, so that their attempts find together.
 * @param trace of the call
 */
export function traced(
  { tracing }: Pick<Core, "tracing">,
  organizationId: string,
  inputs: EventInput[],
  trace: TraceContext | undefined,
): TracedCall {
  if (!tracing || inputs.length === 0) return { inputs: inTrace(inputs, trace) };
  const only = inputs.length === 1 ? inputs[0] : undefined;
  const parent = only?.trace ?? trace;
  const facts = { organization: globalId("Organization", organizationId), events: inputs.length, type: only?.type };
  const span = tracing.ingest(facts, parent, linked(inputs, parent));
  return {
    inputs: inTrace(inputs, trace ?? span.context),
    end: (error) => span.end({ error: error === undefined ? null : nameOf(error) }),
  };
}
