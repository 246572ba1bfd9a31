/**
 * The variables of an operation come with their numbers as they were written. JSON keeps them; every other type gets the
 * number or text that it understands, and never one that was rounded on the way.
 */
import {
  type DocumentNode,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
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
  if (isListType(type)) return Array.isArray(value) ? value.map((item) => converted(item, type.ofType)) : converted(value, type.ofType);
  if (!isInputObjectType(type) || Array.isArray(value)) return value;
  const fields = type.getFields();
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const field = fields[name];
      return [name, field ? converted(inner, field.type) : inner];
    }),
  );
}

/** @param variables as parsed without loss; undefined stays undefined */
export function typedVariables(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: unknown,
): Record<string, unknown> | undefined {
  if (typeof variables !== "object" || variables === null) return variables as undefined;
  const declared = getOperationAST(document, operationName)?.variableDefinitions ?? [];
  const types = new Map(declared.map(({ variable, type }) => [variable.name.value, typeFromAST(schema, type as never)]));
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => {
      const type = types.get(name);
      return [name, isInputType(type) ? converted(value, type) : value];
    }),
  );
}
