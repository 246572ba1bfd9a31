/**
 * The one Pothos builder. Each noun's file (definitions.ts, goals.ts …) adds its types, queries, mutations and
 * subscriptions to it; schema.ts imports them all.
 *
 *   export const Goal = builder.prismaNode("Goal", { ...owned("Goal", "goals:read"), description: "…", fields: (t) => ({…}) });
 *   builder.queryField("goals", (t) => t.field({ type: GoalConnection, authScopes: { scope: "goals:read" }, … }));
 * A list hands `along(context, info)` (page.ts) to its domain function, which gives it to Prisma: t.relation costs no statement a row.
 *   mutation("createGoal", { description, scope: "goals:write", type: Goal, input: (t) => ({…}), resolve: (input, context) => … });
 * GoalConnection = connectionType("Goal", Goal) (page.ts); uuidOf("Goal", input.id) reads an id of an input (mutation.ts).
 * Every type, field, argument and input field has a description that says more than its name (test/api/descriptions.test.ts).
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
import { globalId, NOBODY, type NodeType, parseGlobalId } from "../../wire/ids.ts";
import { type Context, callerOf } from "./context.ts";
import { batchedClient } from "./reload.ts";
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
/** Types whose deleted rows node(id) does not give: only what refers to them still shows them. */
const livingOnly = new Set<string>();
const NO_NODE = { typename: "Organization", id: NOBODY };

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
    client: (context) => batchedClient(context.doors.core.db.prisma) as never,
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
      return parsed && nodeScopes.has(parsed.type) ? { typename: parsed.type, id: parsed.id } : NO_NODE;
    },
    idFieldOptions: { description: "Global id, unique over all types: three letters for the type, `_` and 32 hex digits." },
    nodeTypeOptions: { description: "Whatever has a global id, and can be asked for by it with `node` or `nodes`." },
    nodeQueryOptions: {
      description:
        "One object of any type by its global id; null when the id is unknown, deleted or another organization's. FORBIDDEN without the scope that the object's own list needs.",
      authScopes: { signedIn: true },
      args: { id: { description: "Such as `whd_0199b1f2c3d47e5f8a9b0c1d2e3f4a5b`; anything else answers null." } },
      resolve: async (_root, { id }, context, _info, resolveNode) =>
        mayLoad(id.typename, context) ? living(id.typename, await resolveNode(id)) : null,
    },
    nodesQueryOptions: {
      description:
        "Objects of any types by their global ids, in the order asked for; null in the place of each that `node` would not give.",
      authScopes: { signedIn: true },
      args: { ids: { description: "Global ids, of several types if need be. Each counts towards the operation's cost." } },
      resolve: async (_root, { ids }, context, _info, resolveNodes) => {
        const known = ids.map((id) => mayLoad(id.typename, context));
        const loaded = await resolveNodes(ids.filter((_, i) => known[i]));
        return known.map((ok, i) => (ok ? living(ids[i]?.typename as string, loaded.shift()) : null));
      },
    },
    pageInfoTypeOptions: { description: "Which part of a list a page is, and the cursors to ask for the parts beside it." },
    hasNextPageFieldOptions: { description: "True when rows follow the page's last one: ask with `after: endCursor`." },
    hasPreviousPageFieldOptions: { description: "True when rows precede the page's first one: ask with `last` and `before: startCursor`." },
    startCursorFieldOptions: { description: "Cursor of the page's first row, to be given as `before`; null on an empty page." },
    endCursorFieldOptions: {
      description: "Cursor to be given as `after`: of the last row, or of where a long search stopped. Null when nothing was read.",
    },
    edgesFieldOptions: { description: "The rows of the page, in the order of the list.", nullable: { list: false, items: false } },
    nodeFieldOptions: { description: "The row at this place of the list.", nullable: false },
    cursorFieldOptions: { description: "Opaque: given as `after` or `before`, it leads to the rows behind or ahead of this one." },
    pageInfoFieldOptions: { description: "Whether there is more on either side, and the cursors to ask for it." },
    firstArgOptions: {
      description: "How many rows from the front of the list: 0 to 100, 20 without `first` and `last`. Not together with `last`.",
    },
    lastArgOptions: { description: "How many rows from the end of the list: 0 to 100. Not together with `first`." },
    afterArgOptions: { description: "A cursor of this list: only rows behind it. One of another list or organization is BAD_USER_INPUT." },
    beforeArgOptions: {
      description: "A cursor of this list: only rows ahead of it. One of another list or organization is BAD_USER_INPUT.",
    },
  },
});

function mayLoad(typename: string, context: Context): boolean {
  if (!nodeScopes.has(typename)) return false;
  const scope = nodeScopes.get(typename);
  if (scope !== undefined && !callerOf(context).scopes.has(scope)) throw new ForbiddenError(`this needs the scope ${scope}`);
  return true;
}

function living(typename: string, node: unknown): unknown {
  return livingOnly.has(typename) && (node as { deletedAt?: Date | null } | null)?.deletedAt ? null : node;
}

/** Lets node(id) give objects of this type, and only with `scope`; for node types that are no prismaNode. */
export function guardNode(type: NodeType, scope?: Scope): void {
  nodeScopes.set(type, scope);
}

/**
 * The options of a prismaNode whose rows belong to an organization: looked up by id and the caller's organization, so
 * that a foreign id answers like an unknown one, and by node(id) only with `scope`.
 * @param options.living node(id) gives no deleted one
 */
export function owned(type: NodeType, scope?: Scope, options: { living?: boolean } = {}) {
  guardNode(type, scope);
  if (options.living) livingOnly.add(type);
  return {
    id: { field: "id" as const },
    nullable: true as const,
    findUnique: (id: string, context: Context) => ({ id, organizationId: callerOf(context).organizationId }),
  };
}

builder.queryType({
  description:
    "Reads. Every list is of the caller's organization alone; an operation costs one point a row that it may answer with, 10 000 at most.",
  authScopes: { signedIn: true },
});
builder.mutationType({
  description:
    "Changes, each `name(input: NameInput!): NameResult!`. The answer is a union: the result, or a typed error, of which `... on Error { code message }` selects any. At most five in one operation.",
});
builder.subscriptionType({
  description:
    "Live updates, over graphql-ws (WebSocket) or server-sent events on the same `/graphql`. A revoked token ends them within a second.",
  authScopes: { signedIn: true },
});

builder.scalarType("DateTime", {
  description: "A moment as ISO 8601 with a time zone, such as `2026-11-01T08:00:00+01:00`; answers are in UTC with milliseconds.",
  serialize: (value) => value.toISOString(),
  parseValue: parseDateTime,
  parseLiteral: stringLiteral(parseDateTime),
});
builder.scalarType("Date", {
  description: "A day of the calendar without a time zone, YYYY-MM-DD, such as `2026-11-01`.",
  serialize: (value) => value,
  parseValue: parseCalendarDate,
  parseLiteral: stringLiteral(parseCalendarDate),
});
builder.scalarType("Decimal", {
  description:
    'An exact decimal number as a string in plain notation, such as `"450000.5"`: at most 40 digits before the point and 20 after it. JSON numbers are taken too.',
  serialize: (value) => value,
  parseValue: parseDecimal,
  parseLiteral: decimalLiteral,
});
builder.scalarType("SafeInt", {
  description: 'A whole number from -(2^53-1) to 2^53-1, which JSON carries exactly. As input its decimal text is taken too: `"14"`.',
  serialize: parseSafeInt,
  parseValue: parseSafeInt,
  parseLiteral: safeIntLiteral,
});
builder.scalarType("JSON", {
  description: "Any JSON value, numbers as they were written. Give it as a variable: keys such as `$gt` are no GraphQL names.",
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: jsonLiteral,
});
