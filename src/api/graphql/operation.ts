/**
 * One operation over HTTP, run by Yoga's engine and answered by us. Yoga's own HTTP layer would wrap a request that Fastify has
 * read already into a second one, and its answer into a third.
 */
import { type ExecutionResult, GraphQLError, getOperationAST } from "graphql";
import { isRawNumber } from "../../wire/json-exact.ts";
import { withSources } from "../../wire/json-source.ts";
import { EVENT_STREAM, takes } from "./accept.ts";
import type { Context } from "./context.ts";
import { shown } from "./shown.ts";
import type { Yoga } from "./yoga.ts";

export interface GraphQLParameters {
  query?: string;
  variables?: Record<string, unknown>;
  operationName?: string;
  extensions?: Record<string, unknown>;
}

export interface Asked {
  /** Of the body, or of the URL of a GET; their numbers as they were written. */
  parameters: GraphQLParameters;
  method: string;
  accept: string | undefined;
}

/** For the HTTP door alone: `shown` takes it out of what is told. */
interface HttpExtension {
  status?: number;
  /** An error of the specification: 200 for clients that take application/json only. */
  spec?: boolean;
  headers?: Record<string, string>;
}

function refusal(status: number, code: string, message: string, headers: Record<string, string> = {}): { errors: GraphQLError[] } {
  return { errors: [new GraphQLError(message, { extensions: { code, http: { status, headers } satisfies HttpExtension } })] };
}

const kindOf = (value: unknown) =>
  value === null ? "null" : Array.isArray(value) ? "array" : isRawNumber(value) ? "number" : typeof value;

/** What is no operation, and what clients try that know more than this server. */
function unusable({ query, variables, extensions }: Readonly<Record<keyof GraphQLParameters, unknown>>): ExecutionResult | undefined {
  const bad = (message: string) => refusal(400, "BAD_REQUEST", message, { allow: "GET, POST" });
  for (const [name, value] of Object.entries({ variables, extensions })) {
    if (!["object", "null", "undefined"].includes(kindOf(value)))
      return bad(`${name} must be an object, and is of the type ${kindOf(value)}`);
  }
  if (query === undefined || query === null) {
    if (typeof (extensions as Record<string, unknown> | null | undefined)?.["persistedQuery"] !== "object")
      return bad('query is missing: send {"query": "…"}');
    // The standard's words, with which it is no fault of the request: clients send the query itself from then on.
    return refusal(200, "PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported");
  }
  if (typeof query !== "string") return bad(`query must be a string, and is of the type ${kindOf(query)}`);
  return query.trim() === "" ? bad('query is empty: send {"query": "{ viewer { role } }"}') : undefined;
}

const SUBSCRIPTIONS_ARE_STREAMS =
  "a subscription is answered as a stream: send Accept: text/event-stream, or subscribe over a WebSocket at this path (graphql-transport-ws)";

/**
 * Users' mistakes are in the result, ours as well, masked.
 * @param mask of errors.ts
 */
export async function runOperation(
  yoga: Yoga,
  context: Context,
  { parameters, method, accept }: Asked,
  mask: (error: unknown) => GraphQLError,
): Promise<ExecutionResult | AsyncIterable<ExecutionResult>> {
  const refused = unusable(parameters as never);
  if (refused) return refused;
  const { query = "", variables, operationName } = parameters;
  try {
    // Yoga's plugins look at the method: a GET runs no mutation.
    const enveloped = yoga.getEnveloped({ ...context, request: { method }, params: parameters } as never);
    const document = enveloped.parse(query);
    const errors = enveloped.validate(enveloped.schema, document);
    if (errors.length > 0) return { errors: errors as GraphQLError[] };
    const isStream = getOperationAST(document, operationName)?.operation === "subscription";
    if (isStream && !takes(accept, EVENT_STREAM))
      return refusal(406, "NOT_ACCEPTABLE", SUBSCRIPTIONS_ARE_STREAMS, { accept: EVENT_STREAM });
    const run = isStream ? enveloped.subscribe : enveloped.execute;
    const contextValue = await enveloped.contextFactory();
    return await run({ schema: enveloped.schema, document, contextValue, variableValues: variables, operationName });
  } catch (error) {
    return { errors: [mask(error)] };
  }
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** @param type as answerType says */
export function answerOf(result: ExecutionResult, type: string): Answer {
  const http = (result.errors ?? []).map((error) => (error.extensions["http"] ?? {}) as HttpExtension);
  const statuses = http.filter(({ spec }) => !(spec && type !== "application/graphql-response+json")).map(({ status }) => status ?? 0);
  const text = withSources(JSON.stringify(result.errors ? { ...result, errors: shown(result.errors) } : result));
  return {
    status: Math.max(0, ...statuses) || 200,
    headers: Object.assign(
      { "content-type": type === EVENT_STREAM ? type : `${type}; charset=utf-8` },
      ...http.map(({ headers }) => headers),
    ),
    body: type === EVENT_STREAM ? `event: next\ndata: ${text}\n\nevent: complete\ndata:\n\n` : text,
  };
}
