/** Typed documents: the types come from schema.graphql by way of graphql-env.d.ts (`node scripts/web-types.ts`). */
import { initGraphQLTada } from "gql.tada";
import type { introspection } from "./graphql-env.d.ts";

export const graphql = initGraphQLTada<{
  introspection: introspection;
  disableMasking: true;
  scalars: { DateTime: string; Date: string; Decimal: string; JSON: unknown; SafeInt: number };
}>();

export type { ResultOf, VariablesOf } from "gql.tada";
