/** The body of POST /v1/events, read in one pass: what is stored as text is cut out of the bytes, and never made into objects. */
import { isUtf8 } from "node:buffer";
import { JsonScan } from "../../wire/json-scan.ts";
import { compact } from "../../wire/json-text.ts";
import { JSON_BODY } from "../limits.ts";

/** Values of an event as they were written. */
export interface Sources {
  /** Without white space between its tokens. */
  payload?: string;
  previous?: string;
  scope?: string;
}

interface ScannedEvent {
  /** The event without its payload and previous. */
  value: Record<string, unknown>;
  sources: Sources;
}

/** Strings and lists of them. */
const PARSED: ReadonlySet<string> = new Set([
  ...["type", "entity", "entityId", "changes", "actor", "application", "occurredAt", "idempotencyKey", "traceparent", "tracestate"],
]);

function eventOf(scan: JsonScan): ScannedEvent | undefined {
  const value: Record<string, unknown> = {};
  const sources: Sources = {};
  const seen = new Set<string>();
  const read = scan.object((key) => {
    // Of two members of one name the last counts: rare enough.
    const found = seen.has(key) ? undefined : scan.text();
    if (found === undefined || scan.commas >= JSON_BODY.members) return false;
    seen.add(key);
    const { source, spaced } = found;
    if (key === "payload" || key === "previous") sources[key] = spaced ? compact(source) : source;
    else if (key === "scope" || PARSED.has(key)) {
      value[key] = JSON.parse(source);
      if (key === "scope") sources.scope = source;
    } else return false;
    return true;
  });
  return read ? { value, sources } : undefined;
}

/**
 * One event or a list of them.
 * @param most events in a list
 * @returns undefined for what is to be read, or refused, in the general way: never because of a value's content alone
 */
export function scanEvents(body: Buffer | undefined, most: number): { events: ScannedEvent[]; many: boolean } | undefined {
  if (body === undefined || !isUtf8(body)) return undefined;
  const scan = new JsonScan(body);
  const events: ScannedEvent[] = [];
  const take = () => {
    const event = events.length < most ? eventOf(scan) : undefined;
    if (event) events.push(event);
    return event !== undefined;
  };
  const many = scan.next === "[";
  return (many ? scan.list(take) : take()) && scan.ended ? { events, many } : undefined;
}
