/**
 * The variables of an operation, read once: the cost needs them before it runs, and the executor would copy and read them again,
 * which took a seventh of what a call of a hundred events costs the server.
 */
import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isInputObjectType,
  Kind,
  type OperationDefinitionNode,
  typeFromAST,
  type VariableDefinitionNode,
  visit,
} from "graphql";
import { costLimits } from "./limits.ts";
import { typedVariables } from "./numbers.ts";

/** What is executed; changed in its place. */
export interface Executed {
  schema: GraphQLSchema;
  document: DocumentNode;
  operationName?: string | null | undefined;
  variableValues?: unknown;
}

/** @returns what is wrong with them, or with what the operation asks for by them */
export function readVariables(args: Executed): GraphQLError | undefined {
  const { schema, document, variableValues } = args;
  const operation = getOperationAST(document, args.operationName);
  if (!operation) return undefined;
  const given = (typeof variableValues === "object" && variableValues) || {};
  const typed = typedVariables(schema, operation, given as Record<string, unknown>);
  const judged = costLimits(schema, document, operation, typed);
  if (judged.problem) return judged.problem;
  const whole = withReadVariables(schema, document, operation);
  if (whole) Object.assign(args, { document: whole, variableValues: { ...judged.variables } });
  else args.variableValues = typed;
  return undefined;
}

/** Documents are cached, so is what was made of them. */
const known = new WeakMap<OperationDefinitionNode, DocumentNode | null>();

/** The document, for variables that were read; undefined where some are to be read once more. */
function withReadVariables(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): DocumentNode | undefined {
  let made = known.get(operation);
  if (made === undefined) {
    made = worthIt(schema, operation) && allWhole(document) ? declaringRead(document, operation) : null;
    known.set(operation, made);
  }
  return made ?? undefined;
}

const worthIt = (schema: GraphQLSchema, { operation, variableDefinitions }: OperationDefinitionNode): boolean =>
  operation === "mutation" &&
  (variableDefinitions ?? []).some(({ type }) => isInputObjectType(getNamedType(typeFromAST(schema, type as never))));

/** Whether each variable is an argument's value as a whole: within a value it is written out by the type that it was declared with. */
function allWhole(document: DocumentNode): boolean {
  let whole = true;
  visit(document, {
    [Kind.VARIABLE_DEFINITION]: () => false,
    [Kind.VARIABLE](_node, _key, parent) {
      whole &&= (parent as { kind?: Kind }).kind === Kind.ARGUMENT;
    },
  });
  return whole;
}

/** Variables of JSON are taken as they are. */
function declaringRead(document: DocumentNode, operation: OperationDefinitionNode): DocumentNode {
  const type = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: "JSON" } } as const;
  const variableDefinitions = operation.variableDefinitions?.map(
    ({ kind, variable }): VariableDefinitionNode => ({ kind, variable, type }),
  );
  const read = { ...operation, ...(variableDefinitions && { variableDefinitions }) };
  return { ...document, definitions: document.definitions.map((definition) => (definition === operation ? read : definition)) };
}
