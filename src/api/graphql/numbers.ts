/**
 * The variables of an operation come with their numbers as they were written. JSON keeps them; every other type gets the
 * number or text that it understands, and never one that was rounded on the way.
 */
import {
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from "graphql";
import { comparable } from "../../wire/decimal.ts";
import { isRawNumber, type RawNumber } from "../../wire/json-exact.ts";

/** Types that take a number's own text. Float is a double by definition: it rounds, and what is no double it refuses. */
const TAKE_TEXT = new Set(["Decimal", "ID", "SafeInt", "Int"]);

function plain(number: RawNumber, typeName: string): unknown {
  if (typeName === "Decimal") return number.rawJSON;
  const value = comparable(number);
  if (typeof value === "number") return value;
  return TAKE_TEXT.has(typeName) ? number.rawJSON : Number(number.rawJSON);
}

function converted(value: unknown, type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return converted(value, type.ofType);
  if (isRawNumber(value)) {
    const { name } = getNamedType(type);
    return name === "JSON" ? value : plain(value, name);
  }
  if (typeof value !== "object" || value === null) return value;
  if (isListType(type)) return Array.isArray(value) ? items(value, type.ofType) : converted(value, type.ofType);
  return isInputObjectType(type) && !Array.isArray(value) ? members(value, (name) => type.getFields()[name]?.type) : value;
}

/** The list itself where nothing in it changes: most carry no number at all. */
function items(list: readonly unknown[], type: GraphQLInputType): readonly unknown[] {
  const read = list.map((item) => converted(item, type));
  return read.some((item, i) => item !== list[i]) ? read : list;
}

/** The object itself where nothing in it changes. */
function members(object: object, typeOf: (name: string) => GraphQLInputType | undefined): Record<string, unknown> {
  const read = Object.entries(object);
  let changed = false;
  for (const entry of read) {
    const type = typeOf(entry[0]);
    const value = type ? converted(entry[1], type) : entry[1];
    changed ||= value !== entry[1];
    entry[1] = value;
  }
  return changed ? Object.fromEntries(read) : (object as Record<string, unknown>);
}

/** @param variables as parsed without loss */
export function typedVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): Record<string, unknown> {
  const types = new Map(
    (operation.variableDefinitions ?? []).map(({ variable, type }) => [variable.name.value, typeFromAST(schema, type as never)]),
  );
  return members(variables, (name) => {
    const type = types.get(name);
    return isInputType(type) ? type : undefined;
  });
}
