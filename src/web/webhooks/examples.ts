/** What the catalogue says that events look like. */
import { useQuery } from "urql";
import { graphql } from "../graphql/tada.ts";

const ExamplesQuery = graphql(`
  query EventExamples {
    eventTypes(first: 100) {
      edges {
        node {
          id
          name
          examples
        }
      }
    }
  }
`);

/** As the server does it: `order.*` takes all below order, `*` everything. */
const takes = (pattern: string, type: string): boolean =>
  pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)));

/** Types of the catalogue that these patterns take, each with its first example's text. */
export function useExamples(patterns: readonly string[], pause: boolean): { name: string; payload: string | undefined }[] {
  const [{ data }] = useQuery({ query: ExamplesQuery, pause });
  return (data?.eventTypes.edges ?? [])
    .map(({ node }) => node)
    .filter(({ name }) => patterns.length === 0 || patterns.some((pattern) => takes(pattern, name)))
    .map(({ name, examples }) => ({ name, payload: examples[0] === undefined ? undefined : JSON.stringify(examples[0], null, 2) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
