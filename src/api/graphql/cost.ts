/**
 * What a field costs: one per node that a page can hold, so that nested pages multiply; 20 for what may be a body; 500 for a
 * count. Each alias is a field of its own.
 */
import { GraphQLError, type GraphQLOutputType, getNamedType, isCompositeType, isListType, isNonNullType } from "graphql";
import { GRAPHQL } from "../limits.ts";

const DEFAULT_PAGE = 20;
/** Any JSON may be a megabyte, and so may these texts. */
const TEXTS = new Set(["requestBody", "responseBody", "transformation", "payloadQuery", "console", "changes", "source"]);
/** Read only when somebody asks. */
const COUNTS = new Set(["totalCount", "totalCountCapped", "usage"]);

function badInput(message: string): never {
  throw new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });
}

function sizeOf(args: Record<string, unknown>, name: "first" | "last"): number | undefined {
  const size = args[name];
  if (typeof size !== "number") return undefined;
  if (size < 0 || size > GRAPHQL.pageSize) badInput(`${name} must be 0 to ${GRAPHQL.pageSize}`);
  return size;
}

const isList = (type: GraphQLOutputType): boolean => (isNonNullType(type) ? isList(type.ofType) : isListType(type));

interface Field {
  readonly name: string;
  readonly type: GraphQLOutputType;
  readonly args: readonly { readonly name: string }[];
}

/** Nodes that a field without page arguments can hold; `edges` are counted by their connection. */
function listed({ name, type }: Field): number {
  return isList(type) && isCompositeType(getNamedType(type)) && name !== "edges" ? GRAPHQL.listSize : 0;
}

function ofLeaf({ name, type }: Field): number {
  if (COUNTS.has(name)) return GRAPHQL.countCost;
  return getNamedType(type).name === "JSON" || TEXTS.has(name) ? GRAPHQL.bodyCost : 0;
}

/**
 * Below a page or a list everything is multiplied by its size.
 * @throws GraphQLError BAD_USER_INPUT for a page over 100
 */
export function fieldCost(args: Record<string, unknown>, _context: unknown, field: Field): { field: number; multiplier: number } {
  const paged = field.args.some((arg) => arg.name === "first" || arg.name === "last");
  const ids = Array.isArray(args["ids"]) ? args["ids"].length : 0;
  if (ids > GRAPHQL.pageSize) badInput(`ids must be at most ${GRAPHQL.pageSize}`);
  const size = paged ? (sizeOf(args, "first") ?? sizeOf(args, "last") ?? DEFAULT_PAGE) : ids || listed(field);
  return { field: size + ofLeaf(field), multiplier: Math.max(size, 1) };
}
