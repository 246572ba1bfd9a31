import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const SourcesQuery = graphql(`
  query InboundSources($after: String) {
    inboundWebhooks(first: 100, after: $after, targetType: EVENT) {
      edges {
        node {
          id
          name
          description
          enabled
          eventType
          transformation
          acceptedCount
          refusedCount
          duplicateCount
          lastReceivedAt
          verification {
            preset
            header
            encoding
            secretLastFour
          }
          dedupe {
            header
            path
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
export type Source = ResultOf<typeof SourcesQuery>["inboundWebhooks"]["edges"][number]["node"];

export const PostsQuery = graphql(`
  query InboundPosts($id: ID!, $after: String) {
    node(id: $id) {
      __typename
      ... on InboundWebhook {
        id
        posts(first: 50, after: $after) {
          edges {
            node {
              receivedAt
              outcome
              status
              reason
              eventId
            }
          }
          pageInfo {
            hasNextPage
            endCursor
          }
        }
      }
    }
  }
`);

export const DryRun = graphql(
  `
  mutation DryRunInbound($input: DryRunInboundWebhookInput!) {
    dryRunInboundWebhook(input: $input) {
      __typename
      ... on InboundDryRun {
        accepted
        skipped
        error
        status
        type
        entity
        entityId
        payload
        console
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export type DryRunResult = Extract<ResultOf<typeof DryRun>["dryRunInboundWebhook"], { __typename: "InboundDryRun" }>;
