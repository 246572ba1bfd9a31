/**
 * Every mutation is `name(input: NameInput!): NameResult!`, the result a union of its type and the typed errors.
 * Who may call it is checked here, so that too few rights are a ForbiddenError in the union, not in `errors`.
 */
import type { InputFieldMap, InputRef, InputShapeFromFields, ObjectRef, ShapeFromTypeParam } from "@pothos/core";
import { type GraphQLResolveInfo, type GraphQLSchema, getNamedType, isInputObjectType, isRequiredInputField, isUnionType } from "graphql";
import type { Caller, Scope } from "../../accounts/caller.ts";
import { demand, demandOwn } from "../../accounts/caller.ts";
import { ForbiddenError, NotFoundError, ValidationError } from "../../errors.ts";
import { idOf, type NodeType } from "../../wire/ids.ts";
import { builder } from "./builder.ts";
import { type Context, callerOf } from "./context.ts";
import { asTyped, ERROR_TYPES } from "./errors.ts";
import { unstorable } from "./text.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type InputFieldBuilder = PothosSchemaTypes.InputFieldBuilder<BuilderTypes, "InputObject">;

/** A context whose caller is known. */
export type SignedIn = Context & { caller: Caller };

export interface MutationOptions<Type extends ObjectRef<BuilderTypes, unknown, unknown>, Fields extends InputFieldMap> {
  description: string;
  /** The object answered with; for several things, an object type of the mutation's own. */
  type: Type;
  input: (t: InputFieldBuilder) => Fields;
  /** The type that has those fields, where several mutations share it; else one of the mutation's own is made. */
  inputType?: InputRef<InputShapeFromFields<Fields>>;
  /** Whether it may be called without an input. */
  optionalInput?: boolean;
  /** The scope it needs. "signed-in": nothing but being signed in; a VIEWER may too. "own": the same, but for API tokens (demandOwn). */
  scope: Scope | "signed-in" | "own";
  /** Further than the scope: an administrator's, or the bootstrap token's. */
  only?: "ADMIN" | "operator";
  resolve: (
    input: InputShapeFromFields<Fields>,
    context: SignedIn,
    info: GraphQLResolveInfo,
  ) => Promise<ShapeFromTypeParam<BuilderTypes, Type, false>>;
}

function authorise(caller: Caller, options: { scope: Scope | "signed-in" | "own"; only?: "ADMIN" | "operator" }): void {
  if (options.scope === "signed-in") return;
  if (options.scope === "own") {
    demandOwn(caller);
    return;
  }
  if (caller.role === "VIEWER") throw new ForbiddenError("a viewer may change nothing");
  demand(caller, options.scope);
  if (options.only === "ADMIN" && caller.role !== "ADMIN") throw new ForbiddenError("only an administrator may do this");
  if (options.only === "operator" && !caller.operator) throw new ForbiddenError("only the operator (the bootstrap token) may do this");
}

/** Stands where `describeMutations` says what only the whole schema knows. */
const FILLED_IN = "…";

const list = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");
const firstSentence = (text: string) => text.split(/(?<=[.:;]) /)[0]?.replace(/[.:;]$/, "") ?? text;

/** What a mutation needs, may be given and answers, said of its input and result from their own fields. */
export function describeMutations(schema: GraphQLSchema): void {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const [argument] = field.args;
    const input = getNamedType(argument?.type);
    const result = getNamedType(field.type);
    if (!argument || !isInputObjectType(input) || !isUnionType(result)) continue;
    const fields = Object.values(input.getFields());
    const needed = fields.filter(isRequiredInputField).map(({ name }) => name);
    const others = fields.filter((one) => !isRequiredInputField(one)).map(({ name }) => name);
    const done = firstSentence(field.description ?? "");
    const needs = needed.length > 0 ? `needs ${list(needed)}` : "needs no field";
    if (argument.description === FILLED_IN) {
      const more =
        others.length === 0 ? "takes nothing else" : others.length > 4 ? `takes ${others.length} more` : `takes ${list(others)} too`;
      argument.description = `${needs.replace("n", "N")}, ${more}.`;
    }
    if (input.description === FILLED_IN) input.description = `For ${field.name}, which ${needs}. ${done}.`;
    if (result.description === FILLED_IN) {
      const [made] = result.getTypes().filter(({ name }) => !name.endsWith("Error"));
      result.description = `${made?.name} once ${field.name} is done; else the error that says why not, and nothing was changed.`;
    }
  }
}

/** Adds a mutation with its input and result types. @returns its input type */
export function mutation<Type extends ObjectRef<BuilderTypes, unknown, unknown>, Fields extends InputFieldMap>(
  name: string,
  options: MutationOptions<Type, Fields>,
) {
  return openMutation(name, options, (input, context, info) => {
    const caller = callerOf(context);
    authorise(caller, options);
    return options.resolve(input, Object.assign(context, { caller }), info);
  });
}

/** A mutation that decides by itself who may call it: signIn, signOut. */
export function openMutation<Type extends ObjectRef<BuilderTypes, unknown, unknown>, Fields extends InputFieldMap>(
  name: string,
  options: Pick<MutationOptions<Type, Fields>, "description" | "type" | "input" | "inputType" | "optionalInput">,
  resolve: (
    input: InputShapeFromFields<Fields>,
    context: Context,
    info: GraphQLResolveInfo,
  ) => Promise<ShapeFromTypeParam<BuilderTypes, Type, false>>,
) {
  const title = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`;
  const Input = options.inputType ?? builder.inputType(`${title}Input`, { description: FILLED_IN, fields: options.input });
  builder.mutationField(name, (t) =>
    t.field({
      type: options.type as never,
      nullable: false,
      description: options.description,
      errors: {
        types: ERROR_TYPES,
        directResult: true,
        union: { name: `${title}Result`, description: FILLED_IN },
      } as never,
      args: { input: t.arg({ type: Input, required: options.optionalInput !== true, description: FILLED_IN }) },
      resolve: async (_root: unknown, args: { input?: unknown }, context: Context, info: GraphQLResolveInfo) => {
        try {
          if (context.refused) throw context.refused;
          const input = (args.input ?? {}) as InputShapeFromFields<Fields>;
          const issues = unstorable(input);
          if (issues.length > 0) throw new ValidationError(issues);
          return await resolve(input, context, info);
        } catch (error) {
          throw asTyped(error);
        }
      },
    } as never),
  );
  return Input;
}

/**
 * The UUID behind a global id of an input.
 * @throws NotFoundError for anything that is no id of that type
 */
export function uuidOf(type: NodeType, text: string): string {
  const id = idOf(type, text);
  if (id === undefined) throw new NotFoundError(`${type} ${text.slice(0, 60)}`);
  return id;
}
