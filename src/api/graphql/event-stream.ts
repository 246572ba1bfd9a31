/**
 * Subscriptions over HTTP are server-sent events: Yoga runs them, and what they yield is taken from it here and written by us
 * (answer.ts), so that each event has its cursor as `id:` and is one write.
 */
import { type ExecutionResult, GraphQLError } from "graphql";
import { isAsyncIterable, type Plugin } from "graphql-yoga";
import { EVENT_STREAM, takes } from "./accept.ts";
import type { ServerContext } from "./yoga.ts";

/** Where the plugin puts what a subscription yields, for whoever called Yoga. */
export interface OpenStream {
  source?: AsyncIterator<ExecutionResult>;
}

/** Before anything is subscribed to. */
function notAcceptable(): GraphQLError {
  const message =
    "a subscription is answered as a stream: send Accept: text/event-stream, or subscribe over a WebSocket at this path (graphql-transport-ws)";
  return new GraphQLError(message, { extensions: { code: "NOT_ACCEPTABLE", http: { status: 406, headers: { accept: EVENT_STREAM } } } });
}

export function eventStreams(): Plugin<object, ServerContext> {
  return {
    onSubscribe({ args, setResultAndStopExecution }) {
      const { request } = args.contextValue as { request?: Request };
      // A WebSocket has no request.
      if (request && !takes(request.headers.get("accept"), EVENT_STREAM)) setResultAndStopExecution({ errors: [notAcceptable()] });
    },
    onResultProcess({ result, serverContext, setResultProcessor }) {
      if (!isAsyncIterable(result)) return;
      serverContext.stream.source = result[Symbol.asyncIterator]() as AsyncIterator<ExecutionResult>;
      setResultProcessor((_result, fetchAPI) => new fetchAPI.Response(null, { headers: { "content-type": EVENT_STREAM } }), EVENT_STREAM);
    },
  };
}
