/** Results as they are written: over SSE and WebSocket, where nobody else takes out what is for the HTTP door only. */
import { type ExecutionResult, GraphQLError } from "graphql";
import { withSources } from "../../wire/json-source.ts";
import { withoutInput } from "./errors.ts";

/** `http` is for the HTTP door only. */
export function shown(errors: readonly GraphQLError[]): GraphQLError[] {
  return errors.map(withoutInput).map((error) => {
    const { http: _, ...extensions } = error.extensions;
    return new GraphQLError(error.message, {
      nodes: error.nodes,
      source: error.source,
      positions: error.positions,
      path: error.path,
      extensions,
    });
  });
}

/** A result may go to thousands of subscribers: it is written once. */
const texts = new WeakMap<ExecutionResult, string>();

/** As JSON in one line. */
export function textOf(result: ExecutionResult): string {
  const known = texts.get(result);
  if (known !== undefined) return known;
  const text = withSources(JSON.stringify(result.errors ? { ...result, errors: shown(result.errors) } : result));
  texts.set(result, text);
  return text;
}
