import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { Told } from "../request/sentence.ts";

export const LanesQuery = graphql(
  `
  query Lanes($filter: LaneFilter, $first: Int, $after: String, $last: Int, $before: String) {
    lanes(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
      totalCount
      totalCountCapped
      edges {
        node {
          id
          key
          state
          reason
          until
          since
          pendingCount
          webhookDefinition {
            id
            name
            state
          }
          head {
            id
            number
            eventType
            entity
            entityId
            ...Told
            begun: attempts(first: 1) {
              edges {
                node {
                  startedAt
                }
              }
            }
          }
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
`,
  [Told],
);
export type Lane = ResultOf<typeof LanesQuery>["lanes"]["edges"][number]["node"];
export type LaneState = Lane["state"];

export const PauseLane = graphql(
  `
  mutation PauseLane($input: PauseLaneInput!) {
    pauseLane(input: $input) {
      __typename
      ... on Lane {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const ResumeLane = graphql(
  `
  mutation ResumeLane($input: ResumeLaneInput!) {
    resumeLane(input: $input) {
      __typename
      ... on Lane {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
