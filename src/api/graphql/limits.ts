/**
 * What a GraphQL document may ask for. Everything is judged before execution: on the document alone where that does
 * (tokens, depth, aliases, directives, root fields, mutations), with its variables for pages and their cost.
 * Fragments are counted as often as they are spread, and walked once: a document that doubles itself costs nothing.
 */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import { GRAPHQL } from "../limits.ts";
import { costOf } from "./cost.ts";

interface Size {
  /** Of fields below each other, introspection apart. */
  depth: number;
  introspectionDepth: number;
  aliases: number;
  directives: number;
  /** Fields at this level. */
  fields: number;
  /** As INTROSPECTION estimates it. */
  introspected: number;
  /** Aliases of what has fields of its own. */
  doubled: number;
  /** Of lists of a type's parts below each other. */
  lists: number;
}

/**
 * 400 whatever the client accepts. Yoga marks errors of parsing and validation as the specification's own (`spec`), which
 * makes them 200 for clients of old; an operation that asks too much is none of these.
 */
export function always400(): object {
  return Object.defineProperty({ status: 400 }, "spec", { get: () => false, set: () => undefined });
}

const NOTHING: Size = { depth: 0, introspectionDepth: 0, aliases: 0, directives: 0, fields: 0, introspected: 0, doubled: 0, lists: 0 };

/**
 * What introspection answers with, in parts of a schema: all `types` of it take 80 ms, a type a part of that. Each alias of a list below
 * makes it as much again, and each list within a list many times as much.
 */
const INTROSPECTION = { schema: 20, listed: 5, lists: new Set(["fields", "interfaces", "possibleTypes", "inputFields"]) };

function introspectedBy(name: string, { introspected, doubled, lists }: Size): number {
  if (name !== "__schema" && name !== "__type") return introspected;
  return Math.max(1, introspected) * (1 + doubled) * INTROSPECTION.listed ** Math.max(0, lists - 1);
}

export function exceeded(what: string, limit: number): GraphQLError {
  return new GraphQLError(`the operation has more than ${limit} ${what}`, {
    extensions: { code: "LIMIT_EXCEEDED", http: always400() },
  });
}

/**
 * Judges a text before it is parsed: the parser calls itself for each bracket, and the stack ends. Strings and comments are
 * passed over roughly; what is counted too much is refused, never let through.
 */
export function nestingLimit(text: string): GraphQLError | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // ( [ {
    if (code === 0x28 || code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > GRAPHQL.nesting) return exceeded("levels of brackets", GRAPHQL.nesting);
    } else if (code === 0x29 || code === 0x5d || code === 0x7d) depth = Math.max(0, depth - 1);
    else if (code === 0x22) at = stringEnd(text, at);
    else if (code === 0x23) at = lineEnd(text, at);
  }
  return undefined;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
}

function stringEnd(text: string, from: number): number {
  if (text.startsWith('"""', from)) {
    const end = text.indexOf('"""', from + 3);
    return end < 0 ? text.length : end + 2;
  }
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5c) at += 1;
    else if (code === 0x22 || code === 0x0a) return at;
  }
  return text.length;
}

function badInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT", http: always400() } });
}

function sizes(document: DocumentNode): (set: SelectionSetNode) => Size {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const known = new Map<string, Size>();

  const ofFragment = (name: string): Size => {
    const done = known.get(name);
    if (done) return done;
    // A circle ends here; validation refuses it afterwards.
    known.set(name, NOTHING);
    const fragment = fragments.get(name);
    const size = fragment ? ofSet(fragment.selectionSet) : NOTHING;
    const whole = { ...size, directives: size.directives + (fragment?.directives?.length ?? 0) };
    known.set(name, whole);
    return whole;
  };
  const ofSelection = (node: SelectionNode): Size => {
    if (node.kind === Kind.FRAGMENT_SPREAD) return ofFragment(node.name.value);
    if (node.kind === Kind.INLINE_FRAGMENT) return ofSet(node.selectionSet);
    const below = node.selectionSet ? ofSet(node.selectionSet) : NOTHING;
    const introspects = node.name.value.startsWith("__");
    return {
      depth: introspects ? 0 : 1 + below.depth,
      introspectionDepth: introspects
        ? 1 + Math.max(below.depth, below.introspectionDepth)
        : below.introspectionDepth + (below.introspectionDepth > 0 ? 1 : 0),
      aliases: below.aliases + (node.alias ? 1 : 0),
      directives: below.directives,
      fields: 1,
      introspected: introspectedBy(node.name.value, below) + (node.name.value === "types" ? INTROSPECTION.schema : 0),
      doubled: below.doubled + (node.alias && node.selectionSet ? 1 : 0),
      lists: below.lists + (INTROSPECTION.lists.has(node.name.value) ? 1 : 0),
    };
  };
  const ofSet = (set: SelectionSetNode): Size =>
    set.selections.reduce<Size>((sum, node) => {
      const size = ofSelection(node);
      return {
        depth: Math.max(sum.depth, size.depth),
        introspectionDepth: Math.max(sum.introspectionDepth, size.introspectionDepth),
        aliases: sum.aliases + size.aliases,
        directives: sum.directives + size.directives + (node.directives?.length ?? 0),
        fields: sum.fields + size.fields,
        introspected: sum.introspected + size.introspected,
        doubled: sum.doubled + size.doubled,
        lists: Math.max(sum.lists, size.lists),
      };
    }, NOTHING);
  return ofSet;
}

function judge(operation: OperationDefinitionNode, sizeOf: (set: SelectionSetNode) => Size): GraphQLError | undefined {
  const size = sizeOf(operation.selectionSet);
  if (size.depth > GRAPHQL.depth) return exceeded("levels of fields", GRAPHQL.depth);
  if (size.introspectionDepth > GRAPHQL.introspectionDepth) return exceeded("levels of introspection", GRAPHQL.introspectionDepth);
  if (size.introspected > GRAPHQL.introspected)
    return exceeded(
      "parts of introspection: ask for the types of __schema once, without aliases or lists within their lists",
      GRAPHQL.introspected,
    );
  if (size.aliases > GRAPHQL.aliases) return exceeded("aliases", GRAPHQL.aliases);
  if (size.directives + (operation.directives?.length ?? 0) > GRAPHQL.directives) return exceeded("directives", GRAPHQL.directives);
  if (operation.operation === "mutation" && size.fields > GRAPHQL.mutations) return exceeded("mutations", GRAPHQL.mutations);
  if (size.fields > GRAPHQL.rootFields) return exceeded("root fields", GRAPHQL.rootFields);
  return undefined;
}

/** Judges a parsed document, before validation; undefined when it keeps every limit. */
export function documentLimits(document: DocumentNode): GraphQLError | undefined {
  const sizeOf = sizes(document);
  for (const definition of document.definitions) {
    const problem = definition.kind === Kind.OPERATION_DEFINITION ? judge(definition, sizeOf) : undefined;
    if (problem) return problem;
  }
  return undefined;
}

/** A valid operation judged with its variables, which are read for that; or what is wrong with it. */
export type Judged = { problem: GraphQLError } | { problem?: never; variables: Record<string, unknown> };

/** Judges page sizes, and how many nodes the pages can hold. @param variables of the types that the operation declares */
export function costLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): Judged {
  // The cost's own reading of the variables tells every mistake in them, and a megabyte holds 500 000.
  const read = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  if (read.errors) return { problem: unfitting(read.errors[0]?.message) };
  try {
    // The page sizes are judged where the cost is counted: cost.ts throws for a page too large.
    if (costOf(schema, document, operation, read.variableValues) > GRAPHQL.cost)
      return {
        problem: exceeded(
          `nodes on its pages (its cost: one for each that a page can hold, ${GRAPHQL.bodyCost} for a body, ${GRAPHQL.countCost} for a totalCount): ask for smaller pages, or in parts`,
          GRAPHQL.cost,
        ),
      };
    return { variables: read.variableValues.coerced };
  } catch (error) {
    if (error instanceof GraphQLError && error.extensions["code"] === "BAD_USER_INPUT") return { problem: badInput(error.message) };
    // Variables that do not fit. Never left to execution: what cannot be counted is not run.
    return { problem: unfitting(error instanceof Error ? error.message : undefined) };
  }
}

function unfitting(message = "the variables do not fit"): GraphQLError {
  return new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT", http: { spec: true, status: 400 } } });
}
