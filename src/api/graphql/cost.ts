/**
 * What an operation costs: one per node that a page can hold, so that nested pages multiply; 20 for what may be a body; 500 for a
 * count. Each alias is a field of its own. Counted on the document before anything is executed; a fragment is walked once.
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type VariableValues,
} from "graphql";
import { GRAPHQL } from "../limits.ts";

const DEFAULT_PAGE = 20;
/** Any JSON may be a megabyte, and so may these texts. */
const TEXTS = new Set(["requestBody", "responseBody", "transformation", "payloadQuery", "console", "changes", "source"]);
/** JSON of at most 64 KiB, that somebody set. */
const SETTINGS = new Set(["filter", "condition", "properties", "headers", "schema"]);
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
type Field = GraphQLField<unknown, unknown>;

/** Nodes that a field without page arguments can hold; `edges` are counted by their connection. */
const listed = ({ name, type }: Field): number =>
  isList(type) && isCompositeType(getNamedType(type)) && name !== "edges" ? GRAPHQL.listSize : 0;

function ofLeaf({ name, type }: Field): number {
  if (COUNTS.has(name)) return GRAPHQL.countCost;
  if (SETTINGS.has(name)) return GRAPHQL.settingCost;
  return getNamedType(type).name === "JSON" || TEXTS.has(name) ? GRAPHQL.bodyCost : 0;
}

/** @throws GraphQLError BAD_USER_INPUT for a page, or a list of ids, over 100 */
function nodesOf(field: Field, args: Record<string, unknown>): number {
  const said = field.extensions["complexity"] as { multiplier?: number } | undefined;
  if (typeof said === "object" && said.multiplier !== undefined) return said.multiplier;
  const ids = Array.isArray(args["ids"]) ? args["ids"].length : 0;
  if (ids > GRAPHQL.pageSize) badInput(`ids must be at most ${GRAPHQL.pageSize}`);
  if (!field.args.some(({ name }) => name === "first" || name === "last")) return ids || listed(field);
  return sizeOf(args, "first") ?? sizeOf(args, "last") ?? DEFAULT_PAGE;
}

/** Of a selection: once, and for each row of the page that it is selected on. */
interface Cost {
  once: number;
  each: number;
}

const fieldOf = (type: GraphQLNamedType, name: string): Field | undefined =>
  isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;

/**
 * Of a valid operation.
 * @throws GraphQLError BAD_USER_INPUT for a page over 100, and for arguments that do not fit
 */
export function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: VariableValues,
): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions) if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  const known = new Map<SelectionSetNode, Map<GraphQLNamedType, Cost>>();

  const ofField = (node: FieldNode, type: GraphQLNamedType): number => {
    const field = fieldOf(type, node.name.value);
    if (!field) return 0;
    const nodes = nodesOf(field, getArgumentValues(field, node, variables));
    const below = node.selectionSet ? ofSet(node.selectionSet, getNamedType(field.type)) : { once: 0, each: 0 };
    const isConnection = fieldOf(getNamedType(field.type), "edges") !== undefined;
    const times = Math.max(nodes, 1);
    return nodes + ofLeaf(field) + (isConnection ? below.once + below.each * times : (below.once + below.each) * times);
  };
  const ofSet = (set: SelectionSetNode, type: GraphQLNamedType): Cost => {
    const byType = known.get(set) ?? new Map<GraphQLNamedType, Cost>();
    known.set(set, byType);
    const done = byType.get(type);
    if (done) return done;
    const cost: Cost = { once: 0, each: 0 };
    // A circle of fragments is refused by validation before; here it ends.
    byType.set(type, cost);
    for (const node of set.selections) {
      if (node.kind === Kind.FIELD) cost[node.name.value === "edges" ? "each" : "once"] += ofField(node, type);
      else {
        const fragment = node.kind === Kind.INLINE_FRAGMENT ? node : fragments.get(node.name.value);
        const on = fragment?.typeCondition ? schema.getType(fragment.typeCondition.name.value) : type;
        const inner = fragment && on ? ofSet(fragment.selectionSet, on) : { once: 0, each: 0 };
        cost.once += inner.once;
        cost.each += inner.each;
      }
    }
    return cost;
  };

  const root = schema.getRootType(operation.operation);
  const { once, each } = root ? ofSet(operation.selectionSet, root) : { once: 0, each: 0 };
  return once + each;
}
