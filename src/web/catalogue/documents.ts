import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const TypesQuery = graphql(`
  query EventTypes($after: String) {
    eventTypes(first: 100, after: $after) {
      edges {
        node {
          id
          name
          description
          schema
          examples
          deprecated
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
export type EventType = ResultOf<typeof TypesQuery>["eventTypes"]["edges"][number]["node"];

/** Asked for by its text, which keeps every digit. */
export const TypeText = graphql(`
  query EventTypeText($id: ID!) {
    node(id: $id) {
      __typename
      ... on EventType {
        schema
        examples
      }
    }
  }
`);

export const CreateType = graphql(
  `
  mutation CreateEventType($input: CreateEventTypeInput!) {
    createEventType(input: $input) {
      __typename
      ... on EventType {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const UpdateType = graphql(
  `
  mutation UpdateEventType($input: UpdateEventTypeInput!) {
    updateEventType(input: $input) {
      __typename
      ... on EventType {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const DeleteType = graphql(
  `
  mutation DeleteEventType($input: DeleteEventTypeInput!) {
    deleteEventType(input: $input) {
      __typename
      ... on EventType {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const ImportTypes = graphql(
  `
  mutation ImportEventTypes($input: ImportEventTypesInput!) {
    importEventTypes(input: $input) {
      __typename
      ... on ImportedEventTypes {
        created
        updated
        unchanged
      }
      ...Problem
    }
  }
`,
  [Problem],
);
