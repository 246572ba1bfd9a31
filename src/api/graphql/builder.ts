/**
 * The one Pothos builder. Each noun's file (definitions.ts, goals.ts …) adds its types, queries, mutations and
 * subscriptions to it; schema.ts imports them all.
 *
 *   export const Goal = builder.prismaNode("Goal", { ...owned("Goal", "goals:read"), description: "…", fields: (t) => ({…}) });
 *   builder.queryField("goals", (t) => t.field({ type: GoalConnection, authScopes: { scope: "goals:read" }, … }));
 *   mutation("createGoal", { description, scope: "goals:write", type: Goal, input: (t) => ({…}), resolve: (input, context) => … });
 * GoalConnection = connectionType("Goal", Goal) (page.ts); uuidOf("Goal", input.id) reads an id of an input (mutation.ts).
 * Every type, field, argument and input field has a description (test/api/schema.test.ts).
 */
import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import ErrorsPlugin from "@pothos/plugin-errors";
import PrismaPlugin from "@pothos/plugin-prisma";
import RelayPlugin from "@pothos/plugin-relay";
import ScopeAuthPlugin from "@pothos/plugin-scope-auth";
import ValidationPlugin from "@pothos/plugin-validation";
import { outranks, type Role, type Scope } from "../../accounts/caller.ts";
import type PrismaTypes from "../../db/generated/pothos-types.ts";
import { getDatamodel } from "../../db/generated/pothos-types.ts";
import { ForbiddenError, UnauthenticatedError } from "../../errors.ts";
import { globalId, type NodeType, parseGlobalId } from "../../wire/ids.ts";
import { type Context, callerOf } from "./context.ts";
import {
  decimalLiteral,
  jsonLiteral,
  parseCalendarDate,
  parseDateTime,
  parseDecimal,
  parseSafeInt,
  safeIntLiteral,
  stringLiteral,
} from "./scalars.ts";

/** node(id) gives an object only to who may read its noun. */
const nodeScopes = new Map<string, Scope | undefined>();
const NOBODY = { typename: "Organization", id: "00000000-0000-0000-0000-000000000000" };

export interface Types {
  Context: Context;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  DefaultAuthStrategy: "all";
  AuthScopes: { scope: Scope; role: Role; signedIn: boolean };
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    /** YYYY-MM-DD. */
    Date: { Input: string; Output: string };
    /** Plain notation. */
    Decimal: { Input: string; Output: string };
    JSON: { Input: unknown; Output: unknown };
    SafeInt: { Input: number; Output: number };
  };
}

export const builder = new SchemaBuilder<Types>({
  // Scope-auth first: nothing of a field runs before its caller is known to be allowed.
  plugins: [ScopeAuthPlugin, ErrorsPlugin, ComplexityPlugin, RelayPlugin, PrismaPlugin, ValidationPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authorizeOnSubscribe: true,
    defaultStrategy: "all",
    authScopes: ({ caller }) => ({
      signedIn: (wanted) => (caller !== undefined) === wanted,
      scope: (scope) => caller?.scopes.has(scope) ?? false,
      role: (role) => caller !== undefined && !outranks(role, caller.role),
    }),
    unauthorizedError: (_parent, context) => (context.caller ? new ForbiddenError() : new UnauthenticatedError()),
  },
  errors: { directResult: true },
  // Counted by cost.ts, which takes what a field says of itself and nothing else.
  complexity: { disabled: true, fieldComplexity: () => 0 },
  prisma: {
    client: (context) => context.doors.core.db.prisma as never,
    dmmf: getDatamodel(),
    exposeDescriptions: true,
    onUnusedQuery: null,
  },
  relay: {
    clientMutationId: "omit",
    cursorType: "String",
    encodeGlobalID: (typename, id) => globalId(typename as NodeType, String(id)),
    decodeGlobalID: (text) => {
      const parsed = parseGlobalId(text);
      // Relay would throw for what is no node; it is to be null, so it stands for an organization that never was.
      return parsed && nodeScopes.has(parsed.type) ? { typename: parsed.type, id: parsed.id } : NOBODY;
    },
    idFieldOptions: { description: "The global id: a readable prefix and 32 hex digits." },
    nodeTypeOptions: { description: "Anything with a global id." },
    nodeQueryOptions: {
      description: "Any object by its global id; null when it is unknown or another organization's.",
      authScopes: { signedIn: true },
      args: { id: { description: "The global id." } },
      resolve: (_root, { id }, context, _info, resolveNode) => (mayLoad(id.typename, context) ? resolveNode(id) : null),
    },
    nodesQueryOptions: {
      description: "Several objects by their global ids, in the order asked for; null where one is unknown.",
      authScopes: { signedIn: true },
      args: { ids: { description: "At most 100 global ids." } },
      resolve: async (_root, { ids }, context, _info, resolveNodes) => {
        const known = ids.map((id) => mayLoad(id.typename, context));
        const loaded = await resolveNodes(ids.filter((_, i) => known[i]));
        return known.map((ok) => (ok ? loaded.shift() : null));
      },
    },
    pageInfoTypeOptions: { description: "Where a page stands in its list." },
    hasNextPageFieldOptions: { description: "Whether more follow." },
    hasPreviousPageFieldOptions: { description: "Whether more precede." },
    startCursorFieldOptions: { description: "The cursor of the page's first edge." },
    endCursorFieldOptions: { description: "The cursor of the page's last edge: give it as `after`." },
    edgesFieldOptions: { description: "The page's rows.", nullable: { list: false, items: false } },
    nodeFieldOptions: { description: "The object itself.", nullable: false },
    cursorFieldOptions: { description: "Where this row stands in its list." },
    pageInfoFieldOptions: { description: "Where this page stands in the list." },
    firstArgOptions: { description: "How many from the front: at most 100, 20 when absent." },
    lastArgOptions: { description: "How many from the back: at most 100." },
    afterArgOptions: { description: "Only what follows this cursor." },
    beforeArgOptions: { description: "Only what precedes this cursor." },
  },
});

function mayLoad(typename: string, context: Context): boolean {
  if (!nodeScopes.has(typename)) return false;
  const scope = nodeScopes.get(typename);
  if (scope !== undefined && !callerOf(context).scopes.has(scope)) throw new ForbiddenError(`this needs the scope ${scope}`);
  return true;
}

/** Lets node(id) give objects of this type, and only with `scope`; for node types that are no prismaNode. */
export function guardNode(type: NodeType, scope?: Scope): void {
  nodeScopes.set(type, scope);
}

/**
 * The options of a prismaNode whose rows belong to an organization: looked up by id and the caller's organization, so
 * that a foreign id answers like an unknown one, and by node(id) only with `scope`.
 */
export function owned(type: NodeType, scope?: Scope) {
  guardNode(type, scope);
  return {
    id: { field: "id" as const },
    nullable: true as const,
    findUnique: (id: string, context: Context) => ({ id, organizationId: callerOf(context).organizationId }),
  };
}

builder.queryType({ description: "What can be read.", authScopes: { signedIn: true } });
builder.mutationType({ description: "What can be changed. Each answers with a union of its result and typed errors." });
builder.subscriptionType({ description: "What can be watched live, over graphql-ws or SSE.", authScopes: { signedIn: true } });

builder.scalarType("DateTime", {
  description: "A moment, ISO 8601 with a time zone; UTC in answers.",
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
  parseLiteral: stringLiteral(parseDateTime),
});
builder.scalarType("Date", {
  description: "A day of the calendar, YYYY-MM-DD.",
  serialize: (value) => value,
  parseValue: parseCalendarDate,
  parseLiteral: stringLiteral(parseCalendarDate),
});
builder.scalarType("Decimal", {
  description: "An exact decimal number, as a string in plain notation.",
  serialize: (value) => value,
  parseValue: parseDecimal,
  parseLiteral: decimalLiteral,
});
builder.scalarType("SafeInt", {
  description: "A whole number from -(2^53-1) to 2^53-1; as input its decimal text is taken too.",
  serialize: parseSafeInt,
  parseValue: parseSafeInt,
  parseLiteral: safeIntLiteral,
});
builder.scalarType("JSON", {
  description: "Any JSON value; give it as a variable, since keys such as $gt are no GraphQL names.",
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: jsonLiteral,
});
