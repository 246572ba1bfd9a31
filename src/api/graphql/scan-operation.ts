/**
 * The body of an operation that emits events, read in one pass over its bytes: payloads are cut out as they are written. In the
 * general way a call of a hundred events becomes a text of 200 KB, which is searched, parsed, walked for what cannot be stored and
 * written anew payload by payload: half of what such a call costs the server.
 */
import { isUtf8 } from "node:buffer";
import {
  type DocumentNode,
  type GraphQLInputType,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  parse,
  TypeInfo,
  typeFromAST,
  visit,
  visitWithTypeInfo,
} from "graphql";
import { MOST_RAW_NUMBERS, parseJson } from "../../wire/json-exact.ts";
import { JsonScan } from "../../wire/json-scan.ts";
import { compact } from "../../wire/json-text.ts";
import { GRAPHQL, GRAPHQL_JSON } from "../limits.ts";
import { nestingLimit } from "./limits.ts";
import type { GraphQLParameters } from "./operation.ts";
import { schema } from "./schema.ts";
import { WrittenJson } from "./written-json.ts";

class OperationScan extends JsonScan {
  /** Characters so far that were not kept as they are written. */
  parsed = 0;
}

/** Documents whose variables are known, and how long one may be. */
const KEPT = 100;
const LONGEST = 16 * 1024;
/** Characters of all that is parsed here: what holds more raw numbers than the general way takes is longer. */
const MOST_PARSED = 2 * MOST_RAW_NUMBERS;
const EMITS = /\bemitEvents?\b/;
/** Input types that events stand in, and their fields that are stored as text. */
const HOLDERS: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["EmitEventsInput", new Set<string>()],
  ["EmitEventInput", new Set(["payload", "previous"])],
]);

type Variables = ReadonlyMap<string, GraphQLInputType>;
const known = new Map<string, Variables | undefined>();

/** @returns undefined: the document has no events in its variables, or is not looked at here */
function variablesOf(query: string): Variables | undefined {
  if (query.length > LONGEST || !EMITS.test(query)) return undefined;
  if (known.has(query)) return known.get(query);
  const variables = declared(query);
  if (known.size >= KEPT) known.clear();
  known.set(query, variables);
  return variables;
}

function declared(query: string): Variables | undefined {
  if (nestingLimit(query)) return undefined;
  try {
    const document = parse(query, { maxTokens: GRAPHQL.tokens, noLocation: true });
    const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
    if (operations.length !== 1) return undefined;
    const variables = new Map<string, GraphQLInputType>();
    for (const { variable, type } of operations[0]?.variableDefinitions ?? []) {
      const found = typeFromAST(schema, type as never) as GraphQLInputType | undefined;
      if (found === undefined || variable.name.value.startsWith("__")) return undefined;
      variables.set(variable.name.value, found);
    }
    return [...variables.values()].some(holdsEvents) && standAsEvents(document, variables) ? variables : undefined;
  } catch {
    // Whoever parses it in order to run it says what is wrong.
    return undefined;
  }
}

function holdsEvents(type: GraphQLInputType): boolean {
  if (isNonNullType(type) || isListType(type)) return holdsEvents(type.ofType);
  return isInputObjectType(type) && HOLDERS.has(type.name);
}

/** Whether variables with events stand only where events are taken: within a literal of JSON, such as a filter, nobody would look into a text. */
function standAsEvents(document: DocumentNode, variables: Variables): boolean {
  const info = new TypeInfo(schema);
  let all = true;
  visit(
    document,
    visitWithTypeInfo(info, {
      [Kind.VARIABLE_DEFINITION]: () => false,
      [Kind.VARIABLE]({ name }) {
        const [declared, taken] = [variables.get(name.value), info.getInputType()];
        if (declared && holdsEvents(declared)) all &&= !!taken && holdsEvents(taken);
      },
    }),
  );
  return all;
}

/** Each of these returns undefined for what is not read here; JSON has no such value. */
function textOf(scan: JsonScan): ReturnType<JsonScan["text"]> {
  const before = scan.commas;
  const found = scan.text();
  return scan.commas - before < GRAPHQL_JSON.members ? found : undefined;
}

function plain(scan: OperationScan): unknown {
  const found = textOf(scan);
  if (found === undefined) return undefined;
  if (!found.source.startsWith('"')) {
    scan.parsed += found.source.length;
    return scan.parsed > MOST_PARSED ? undefined : parseJson(found.source);
  }
  return found.source.includes("\\") ? JSON.parse(found.source) : found.source.slice(1, -1);
}

function written(scan: JsonScan): WrittenJson | null | undefined {
  const found = textOf(scan);
  if (found === undefined) return undefined;
  if (found.source === "null") return null;
  return new WrittenJson(found.spaced ? compact(found.source) : found.source);
}

function inputOf(scan: OperationScan, type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return inputOf(scan, type.ofType);
  if (!holdsEvents(type)) return plain(scan);
  const { next } = scan;
  if (isListType(type) && next === "[") {
    const list: unknown[] = [];
    const read = scan.list(() => {
      const value = inputOf(scan, type.ofType);
      list.push(value);
      return value !== undefined;
    });
    return read ? list : undefined;
  }
  // One alone stands for a list of one.
  if (isListType(type) && next === "{") return inputOf(scan, type.ofType);
  if (!isInputObjectType(type) || next !== "{") return plain(scan);
  const fields = type.getFields();
  const asText = HOLDERS.get(type.name);
  return membersOf(scan, (key) => {
    const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
    return field && (asText?.has(key) ? written(scan) : inputOf(scan, field.type));
  });
}

/** @param read of the value of a key; undefined ends it all */
function membersOf(scan: JsonScan, read: (key: string) => unknown): Record<string, unknown> | undefined {
  const value: Record<string, unknown> = {};
  const passed = scan.object((key) => {
    // Of two members of one name the last counts: rare enough.
    const inner = Object.hasOwn(value, key) ? undefined : read(key);
    value[key] = inner;
    return inner !== undefined && scan.commas < GRAPHQL_JSON.values;
  });
  return passed ? value : undefined;
}

/**
 * @param body of a call whose caller is known
 * @returns undefined for what is to be read, or refused, in the general way: never because of a value's content alone
 */
export function scanOperation(body: Buffer): GraphQLParameters | undefined {
  if (!isUtf8(body)) return undefined;
  const scan = new OperationScan(body);
  let variables: Variables | undefined;
  const memberOf = (key: string): unknown => {
    if (key === "operationName" || key === "extensions") return plain(scan);
    if (key === "query") {
      const query = plain(scan);
      variables = typeof query === "string" ? variablesOf(query) : undefined;
      return variables && query;
    }
    // Where they come before the query nobody knows their types yet.
    if (key !== "variables" || variables === undefined) return undefined;
    const types = variables;
    return membersOf(scan, (name) => {
      const type = types.get(name);
      return type && inputOf(scan, type);
    });
  };
  const read = membersOf(scan, memberOf);
  return scan.ended && read?.["query"] !== undefined ? (read as GraphQLParameters) : undefined;
}
