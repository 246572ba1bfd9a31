/**
 * W3C Trace Context: `traceparent` and `tracestate` of a call or an event, read once when they come in. What is kept is good: who
 * sends or exports it only cuts it at fixed places. Pure, and linear in texts of at most some hundred characters.
 */
import type { Issue } from "../errors.ts";
import type { TraceContext } from "../observe/tracing.ts";

/** Characters of a `tracestate`; of a `traceparent` more than version 00 has, for versions to come. */
const MOST_STATE = 512;
const MOST_PARENT = 256;
/** Of version 00: `00-<32 hex>-<16 hex>-<2 hex>`. */
const PARENT_LENGTH = 55;
const MOST_MEMBERS = 32;

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const NO_TRACE = "0".repeat(32);
const NO_PARENT = "0".repeat(16);

/** `vendor`, or `tenant@vendor`. */
const KEY = /^(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;
/** Visible ASCII and spaces, without comma and equals sign; the last is no space. */
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/**
 * Version 00 as it came. A higher version may have more behind the flags, and is passed on as the version that we know, with the
 * one flag that means the same in it (sampled).
 * @returns undefined for what is malformed: the trace begins anew
 */
export function readTraceparent(text: string): string | undefined {
  if (text.length > MOST_PARENT) return undefined;
  const [, version, trace, parent, flags] = PARENT.exec(text.slice(0, PARENT_LENGTH)) ?? [];
  if (version === undefined || version === "ff" || trace === NO_TRACE || parent === NO_PARENT) return undefined;
  if (version === "00") return text.length === PARENT_LENGTH ? text : undefined;
  if (text.length > PARENT_LENGTH && text[PARENT_LENGTH] !== "-") return undefined;
  return `00-${trace}-${parent}-0${Number.parseInt(flags as string, 16) & 1}`;
}

/** @returns as it came; undefined for what is malformed or longer than 512 characters */
export function readTracestate(text: string): string | undefined {
  if (text.length > MOST_STATE) return undefined;
  const members = text.split(",").flatMap((part) => trimmed(part) || []);
  const isGood = (member: string) => {
    const at = member.indexOf("=");
    return at > 0 && KEY.test(member.slice(0, at)) && VALUE.test(member.slice(at + 1));
  };
  return members.length > 0 && members.length <= MOST_MEMBERS && members.every(isGood) ? text : undefined;
}

/** Without spaces and tabs around it, which is all that may stand there. */
function trimmed(part: string): string {
  let [from, to] = [0, part.length];
  while (part[from] === " " || part[from] === "\t") from += 1;
  while (to > from && (part[to - 1] === " " || part[to - 1] === "\t")) to -= 1;
  return part.slice(from, to);
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Of an HTTP call. What is malformed is ignored, as the recommendation says. @returns undefined: the call is of no trace */
export function traceOfHeaders(headers: Headers): TraceContext | undefined {
  const { traceparent: given, tracestate: state } = headers;
  if (typeof given !== "string") return undefined;
  const traceparent = readTraceparent(given);
  return traceparent === undefined
    ? undefined
    : { traceparent, tracestate: typeof state === "string" ? (readTracestate(state) ?? null) : null };
}

export interface TraceFields {
  traceparent?: unknown;
  tracestate?: unknown;
}

const PARENT_RULE = "must be a W3C traceparent, such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE_RULE = `must be a W3C tracestate of at most ${MOST_STATE} characters, such as vendor=value`;

/**
 * Of an event that says it itself. Null counts as absent.
 * @param at the path of a field @param issues gets what is wrong
 */
export function traceOfFields(
  { traceparent, tracestate }: TraceFields,
  at: (field: string) => string,
  issues: Issue[],
): TraceContext | undefined {
  const parent = typeof traceparent === "string" ? readTraceparent(traceparent) : undefined;
  const state = typeof tracestate === "string" ? readTracestate(tracestate) : undefined;
  if (traceparent != null && parent === undefined) issues.push({ path: at("traceparent"), message: PARENT_RULE });
  if (tracestate != null && state === undefined) issues.push({ path: at("tracestate"), message: STATE_RULE });
  else if (tracestate != null && traceparent == null)
    issues.push({ path: at("tracestate"), message: "says nothing without traceparent: give both, or traceparent alone" });
  return parent === undefined ? undefined : { traceparent: parent, tracestate: state ?? null };
}

const named = (headers: Readonly<Record<string, string>>, name: string) => Object.keys(headers).some((key) => key.toLowerCase() === name);

/**
 * What a call carries on, beside these headers. One that brings a traceparent of its own is of that trace, and gets nothing of ours.
 * @param headers of the definition and its transformation, which win
 */
export function traceHeaders(trace: TraceContext, headers: Readonly<Record<string, string>>): Record<string, string> {
  if (named(headers, "traceparent")) return {};
  const state = trace.tracestate === null || named(headers, "tracestate") ? undefined : trace.tracestate;
  return { traceparent: trace.traceparent, ...(state !== undefined && { tracestate: state }) };
}
