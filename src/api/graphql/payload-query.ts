/**
 * `payloadQuery`: a GraphQL query over one event, whose `data` is the body. It lives beside the doors because only they
 * may import graphql; the delivery path gets it through the interface of delivery/shaping.ts.
 *
 * JSON values come out as they were written (number tokens, escapes, key order): the executor sees placeholders, and the
 * source text takes their place at the end.
 */
import {
  buildSchema,
  type DocumentNode,
  executeSync,
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from "graphql";
import type { PayloadQuery } from "../../delivery/shaping.ts";
import type { Issue } from "../../errors.ts";
import type { EventView } from "../../wire/dialect.ts";
import { globalId } from "../../wire/ids.ts";
import { elements, members } from "../../wire/json-text.ts";

const schema = buildSchema(`
  scalar JSON
  scalar DateTime
  type Query { event: Event! }
  type Event {
    id: ID! type: String! entity: String entityId: String payload(path: String): JSON
    changes: [String!]! scope: JSON actor: String occurredAt: DateTime!
  }
`);
const RULES = [...specifiedRules, NoSchemaIntrospectionCustomRule];
const MAX_TOKENS = 2_000;
const MAX_ERRORS = 20;
/** An alias per field could multiply a payload without end. */
const MAX_DATA = 1024 * 1024;
const CACHE_SIZE = 500;

/** NUL cannot come in with an event, and a query puts no text of its own into its data: a placeholder is unmistakable. */
const PLACEHOLDER = /"\\u0000(\d+)"/g;

export function createPayloadQuery(): PayloadQuery {
  const compiled = new Map<string, DocumentNode>();
  function compile(source: string): DocumentNode {
    const known = compiled.get(source);
    if (known) return known;
    const document = read(source);
    if (Array.isArray(document)) throw new Error(document.map((issue) => issue.message).join("; "));
    const oldest = compiled.size >= CACHE_SIZE ? compiled.keys().next().value : undefined;
    if (oldest !== undefined) compiled.delete(oldest);
    compiled.set(source, document);
    return document;
  }
  return {
    check(source) {
      const document = read(source);
      return Array.isArray(document) ? document : [];
    },
    run: (source, event) => execute(compile(source), event),
  };
}

function refuse(message: string): Issue[] {
  return [{ path: "payloadQuery", message }];
}

function read(source: string): DocumentNode | Issue[] {
  let document: DocumentNode;
  try {
    document = parse(source, { maxTokens: MAX_TOKENS });
  } catch (error) {
    return refuse((error as Error).message);
  }
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (operations.length !== 1 || operations[0]?.operation !== "query") return refuse("must be one query operation");
  if (operations[0].variableDefinitions?.length) return refuse("must not take variables: nobody gives them values");
  const errors = validate(schema, document, RULES, { maxErrors: MAX_ERRORS });
  return errors.length === 0 ? document : errors.flatMap((error) => refuse(error.message));
}

function execute(document: DocumentNode, event: EventView): string {
  const sources: string[] = [];
  let size = 0;
  const json = (source: string | undefined): string | null => {
    if (source === undefined || source === "null") return null;
    size += source.length;
    if (size > MAX_DATA) throw new GraphQLError("the data is larger than 1 MiB");
    return `\0${sources.push(source) - 1}`;
  };
  const rootValue = {
    event: {
      ...{ id: globalId("Event", event.id), type: event.type, entity: event.entity, entityId: event.entityId },
      ...{ changes: event.changes, actor: event.actor, occurredAt: event.occurredAt.toISOString() },
      scope: () => json(event.scope === null ? undefined : JSON.stringify(event.scope)),
      payload: ({ path }: { path?: string | null }) => json(valueAt(event.payload, path ?? undefined)),
    },
  };
  const { data, errors } = executeSync({ schema, document, rootValue });
  if (errors?.[0] || !data) throw new Error(errors?.[0]?.message ?? "the query gave no data");
  return JSON.stringify(data).replace(PLACEHOLDER, (_, index: string) => sources[Number(index)] as string);
}

/** A dotted path through objects, and by index through lists. */
function valueAt(payload: string, path: string | undefined): string | undefined {
  let value: string | undefined = payload;
  for (const segment of path?.split(".") ?? []) {
    value = /^\d+$/.test(segment) ? (elements(value)?.[Number(segment)] ?? members(value)?.get(segment)) : members(value)?.get(segment);
    if (value === undefined) return undefined;
  }
  return value;
}
