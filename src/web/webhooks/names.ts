import { useAllPages } from "../graphql/all-pages.ts";
import { graphql } from "../graphql/tada.ts";

const NamesQuery = graphql(`
  query DefinitionNames($after: String) {
    webhookDefinitions(first: 100, after: $after) {
      edges {
        node {
          id
          name
          state
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

const NONE: never[] = [];

/** The webhooks to choose from. */
export function useDefinitionNames() {
  return useAllPages(NamesQuery, (data) => data.webhookDefinitions).data ?? NONE;
}
