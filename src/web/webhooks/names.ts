import { useQuery } from "urql";
import { graphql } from "../graphql/tada.ts";

const NamesQuery = graphql(`
  query DefinitionNames {
    webhookDefinitions(first: 100) {
      edges {
        node {
          id
          name
          state
        }
      }
    }
  }
`);

/** The webhooks to choose from (the newest hundred). */
export function useDefinitionNames() {
  const [{ data }] = useQuery({ query: NamesQuery });
  return data?.webhookDefinitions.edges.map((edge) => edge.node) ?? [];
}
