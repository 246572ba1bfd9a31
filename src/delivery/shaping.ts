/**
 * A body made by the definition instead of its dialect: by a transformation (JavaScript in the sandbox) or by a payload
 * query (GraphQL over the event). With both, the transformation decides. What goes wrong is a value: the lane logs it.
 */
import type { Issue } from "../errors.ts";
import { withoutTail } from "../text.ts";
import type { EventView } from "../wire/dialect.ts";
import { globalId } from "../wire/ids.ts";
import type { Owner } from "./sandbox/queue.ts";
import type { Sandbox, TransformResult } from "./sandbox/sandbox.ts";

/** The engine of `payloadQuery`. It needs graphql-js, which only the doors may import: app.ts hands it down. */
export interface PayloadQuery {
  /** Why it cannot be saved; the issues' path is `payloadQuery`. */
  check(source: string): Issue[];
  /**
   * The query's `data` as JSON text.
   * @throws QueryBudgetError for an event over 2 MiB or data over 1 MiB; Error when the query does not pass `check`
   */
  run(source: string, event: EventView): string;
}

export interface ShapedDefinition {
  id: string;
  transformation: string | null;
  payloadQuery: string | null;
}

export interface ShapingEngines {
  sandbox: Sandbox;
  payloadQuery: PayloadQuery;
}

export type Shaped =
  /** `body` null: the dialect renders it. `headers` join the definition's own, and win over them. */
  | { kind: "SEND"; body: Buffer | null; headers: Record<string, string>; urlSuffix: string; console: string[] }
  | { kind: "SKIP"; console: string[] }
  | { kind: "ERROR"; code: "TRANSFORMATION_ERROR" | "QUERY_BUDGET"; message: string; console: string[] };

/** A payload query reads or gives more than it may: the same event would be too much again. */
export class QueryBudgetError extends Error {}

/** Never throws for what a source does; rejects only when the sandbox itself fails. The same event shapes the same way. */
export async function shape(event: EventView, definition: ShapedDefinition, engines: ShapingEngines): Promise<Shaped> {
  if (definition.transformation !== null) {
    const owner = { organizationId: event.organizationId, key: definition.id };
    const result = await transform(event, definition.transformation, engines.sandbox, owner);
    if (result.kind === "SKIP") return { kind: "SKIP", console: result.console };
    if (result.kind === "ERROR") return { kind: "ERROR", code: result.code, message: result.message, console: result.console };
    const { headers, urlSuffix, console } = result;
    return { kind: "SEND", body: Buffer.from(result.body), headers, urlSuffix, console };
  }
  if (definition.payloadQuery !== null) {
    try {
      const body = Buffer.from(engines.payloadQuery.run(definition.payloadQuery, event));
      return { kind: "SEND", body, headers: {}, urlSuffix: "", console: [] };
    } catch (error) {
      const code = error instanceof QueryBudgetError ? "QUERY_BUDGET" : "TRANSFORMATION_ERROR";
      return { kind: "ERROR", code, message: `payloadQuery: ${(error as Error).message}`, console: [] };
    }
  }
  return { kind: "SEND", body: null, headers: {}, urlSuffix: "", console: [] };
}

/** Runs one transformation over an event; `Date` inside says when the event was accepted, on every try. */
export function transform(event: EventView, source: string, sandbox: Sandbox, owner: Owner): Promise<TransformResult> {
  return sandbox.transform(source, eventJson(event), { ...owner, now: event.acceptedAt });
}

/** The event as a transformation sees it, as JSON text; the payload's own text stands in it as it came. */
export function eventJson(event: EventView): string {
  const { type, entity, entityId, changes, scope, actor } = event;
  const head = JSON.stringify({ id: globalId("Event", event.id), type, entity, entityId });
  const tail = JSON.stringify({ changes, scope, actor, occurredAt: event.occurredAt });
  return `${head.slice(0, -1)},"payload":${event.payload},${tail.slice(1)}`;
}

/** `https://x/hooks?k=1` and `/orders?n=2` → `https://x/hooks/orders?k=1&n=2`. */
export function withSuffix(target: string, urlSuffix: string): string {
  if (urlSuffix === "") return target;
  const url = new URL(target);
  const at = urlSuffix.indexOf("?");
  const path = at < 0 ? urlSuffix : urlSuffix.slice(0, at);
  const query = at < 0 ? "" : urlSuffix.slice(at + 1);
  url.pathname = withoutTail(url.pathname, "/") + path;
  url.search = [url.search.slice(1), query].filter((part) => part !== "").join("&");
  return url.href;
}
