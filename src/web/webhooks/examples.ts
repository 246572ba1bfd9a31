/** What the catalogue says that events look like. */
import { useAllPages } from "../graphql/all-pages.ts";
import { graphql } from "../graphql/tada.ts";

const ExamplesQuery = graphql(`
  query EventExamples($after: String) {
    eventTypes(first: 100, after: $after) {
      edges {
        node {
          id
          name
          examples
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** As the server does it: `order.*` takes all below order, `*` everything. */
const takes = (pattern: string, type: string): boolean =>
  pattern === "*" || pattern === type || (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)));

/** Types of the catalogue that these patterns take, each with its first example's text. */
export function useExamples(patterns: readonly string[], pause: boolean): { name: string; payload: string | undefined }[] {
  const { data = [] } = useAllPages(ExamplesQuery, ({ eventTypes }) => eventTypes, { pause });
  return data
    .filter(({ name }) => patterns.length === 0 || patterns.some((pattern) => takes(pattern, name)))
    .map(({ name, examples }) => ({ name, payload: examples[0] === undefined ? undefined : JSON.stringify(examples[0], null, 2) }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
