/**
 * `payloadQuery`: a GraphQL query over one event, whose `data` is the body. It lives beside the doors because only they
 * may import graphql; the delivery path gets it through the interface of delivery/shaping.ts.
 *
 * JSON values come out as they were written (number tokens, escapes, key order): their source text never is parsed.
 */
import {
  buildSchema,
  type DocumentNode,
  executeSync,
  type FragmentDefinitionNode,
  Kind,
  NoSchemaIntrospectionCustomRule,
  parse,
  type SelectionSetNode,
  specifiedRules,
  validate,
  visit,
} from "graphql";
import { type PayloadQuery, QueryBudgetError } from "../../delivery/shaping.ts";
import type { Issue } from "../../errors.ts";
import { Kept } from "../../kept.ts";
import type { EventView } from "../../wire/dialect.ts";
import { globalId } from "../../wire/ids.ts";
import { compileJsonPaths, type JsonPaths } from "../../wire/json-paths.ts";
import { JsonSource, withSources } from "../../wire/json-source.ts";

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
/** Of a source that is saved. */
const MAX_SOURCE = 65_536;
const MAX_TOKENS = 2_000;
/** Fields of the answer: fragments multiply what so many tokens can ask for. */
const MAX_FIELDS = 2_000;
/** Characters of their names, each time it stands in the answer. */
const MAX_NAMES = 1024 * 1024;
const MAX_ERRORS = 20;
/** An alias per field could multiply a payload without end. */
const MAX_DATA = 1024 * 1024;
/** Characters of the event that one query may read; payload, scope and changes are read once each, whatever the aliases. */
const MAX_READ = 2 * 1024 * 1024;
/** Compiled queries. A character of a source stands for up to 20 bytes, so this is about 40 MiB. */
const MOST_KEPT = { entries: 500, characters: 2 * 2 ** 20 };
/** Characters that a place of its paths stands for: 450 bytes, and a path may have as many places as characters. */
const PLACE = 24;

interface Compiled {
  document: DocumentNode;
  paths: JsonPaths;
}

/** Every `path` of the query: there are no variables, so each is a literal. 2 000 tokens hold 250 of them. */
function pathsOf(document: DocumentNode): Set<string> {
  const paths = new Set<string>();
  visit(document, {
    Argument: ({ name, value }) => void (name.value === "path" && value.kind === Kind.STRING && paths.add(value.value)),
  });
  return paths;
}

export function createPayloadQuery(): PayloadQuery {
  const compiled = new Kept<Compiled>(MOST_KEPT);
  function compile(source: string): Compiled {
    const known = compiled.get(source);
    if (known) return known;
    const document = read(source);
    if (Array.isArray(document)) throw new Error(document.map((issue) => issue.message).join("; "));
    const query = { document, paths: compileJsonPaths(pathsOf(document)) };
    compiled.set(source, query, source.length + PLACE * query.paths.places);
    return query;
  }
  return {
    check(source) {
      if (source.length > MAX_SOURCE) return refuse(`must be at most ${MAX_SOURCE} characters`);
      const document = read(source);
      return Array.isArray(document) ? document : [];
    },
    run: (source, event) => execute(compile(source), event),
  };
}

function refuse(message: string): Issue[] {
  return [{ path: "payloadQuery", message }];
}

interface Asked {
  fields: number;
  names: number;
}

/** What the answer holds at most; a field that is asked for twice under one name counts twice. */
function askedBy(document: DocumentNode): Asked {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const known = new Map<SelectionSetNode, Asked>();
  const ofSet = (set: SelectionSetNode | undefined): Asked => {
    const done = set && known.get(set);
    if (!set || done) return done ?? { fields: 0, names: 0 };
    const asked: Asked = { fields: 0, names: 0 };
    // Validation has refused circles of fragments.
    for (const node of set.selections) {
      const isField = node.kind === Kind.FIELD;
      const below = ofSet(node.kind === Kind.FRAGMENT_SPREAD ? fragments.get(node.name.value)?.selectionSet : node.selectionSet);
      asked.fields += below.fields + (isField ? 1 : 0);
      asked.names += below.names + (isField ? (node.alias ?? node.name).value.length : 0);
    }
    known.set(set, asked);
    return asked;
  };
  const operation = document.definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION);
  return ofSet(operation?.selectionSet);
}

function read(source: string): DocumentNode | Issue[] {
  let document: DocumentNode;
  try {
    document = parse(source, { maxTokens: MAX_TOKENS, noLocation: true });
  } catch (error) {
    return refuse((error as Error).message);
  }
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  if (operations.length !== 1 || operations[0]?.operation !== "query") return refuse("must be one query operation");
  if (operations[0].variableDefinitions?.length) return refuse("must not take variables: nobody gives them values");
  const errors = validate(schema, document, RULES, { maxErrors: MAX_ERRORS });
  if (errors.length > 0) return errors.flatMap((error) => refuse(error.message));
  const { fields, names } = askedBy(document);
  if (fields > MAX_FIELDS) return refuse(`must ask for at most ${MAX_FIELDS} fields, those of a fragment counted wherever it is spread`);
  return names > MAX_NAMES ? refuse(`must give its fields at most ${MAX_NAMES} characters of names`) : document;
}

function execute({ document, paths }: Compiled, event: EventView): string {
  let size = 0;
  const pay = (characters: number): void => {
    size += characters;
    if (size > MAX_DATA) throw new QueryBudgetError("the data is larger than 1 MiB");
  };
  const json = (source: string | undefined): JsonSource | null => {
    if (source === undefined || source === "null") return null;
    pay(source.length);
    return new JsonSource(source);
  };
  const scope = event.scope === null ? undefined : JSON.stringify(event.scope);
  const changesSize = event.changes.reduce((sum, name) => sum + name.length + 3, 2);
  const changes = () => {
    pay(changesSize);
    return event.changes;
  };
  if (event.payload.length + (scope?.length ?? 0) + changesSize > MAX_READ) throw new QueryBudgetError("the event is larger than 2 MiB");
  let values: Map<string, string> | undefined;
  const at = (path: string) => {
    values ??= paths.find(event.payload);
    return values.get(path);
  };
  const rootValue = {
    event: {
      ...{ id: globalId("Event", event.id), type: event.type, entity: event.entity, entityId: event.entityId },
      ...{ changes, actor: event.actor, occurredAt: event.occurredAt.toISOString() },
      scope: () => json(scope),
      payload: ({ path }: { path?: string | null }) => json(typeof path === "string" ? at(path) : event.payload),
    },
  };
  const { data, errors } = executeSync({ schema, document, rootValue });
  if (errors?.[0]?.originalError) throw errors[0].originalError;
  if (errors?.[0] || !data) throw new Error(errors?.[0]?.message ?? "the query gave no data");
  return withSources(JSON.stringify(data));
}
