import { graphql, type ResultOf } from "../graphql/tada.ts";
import { Told } from "../request/sentence.ts";

export const OverviewQuery = graphql(
  `
  query Overview($since: DateTime!, $buckets: Int!) {
    deliveryStatistics(since: $since, buckets: $buckets) {
      delivered
      retried
      rejected
      p50Ms
      p99Ms
      buckets {
        at
        delivered
        retried
        rejected
        p50Ms
        p99Ms
      }
      definitions {
        delivered
        retried
        rejected
        webhookDefinition {
          id
          name
          state
        }
      }
    }
    viewer {
      delivering
      organization {
        deliveriesPausedAt
      }
    }
    blockedLanes(first: 5) {
      laneCount
      laneCountCapped
      definitionCount
      definitions {
        laneCount
        laneCountCapped
        behindCount
        behindCountCapped
        webhookDefinition {
          id
          name
        }
      }
    }
    lanes(first: 5, filter: { state: [WAITING] }) {
      edges {
        node {
          id
          key
          until
          pendingCount
          webhookDefinition {
            id
            name
          }
          head {
            number
            ...Told
          }
        }
      }
      pageInfo {
        hasNextPage
      }
    }
    stopped: webhookDefinitions(first: 5, filter: { state: [TOO_MANY_ERRORS] }) {
      totalCount
      totalCountCapped
      edges {
        node {
          id
          name
        }
      }
    }
    any: webhookDefinitions(first: 1) {
      edges {
        node {
          id
        }
      }
    }
  }
`,
  [Told],
);
export type OverviewData = ResultOf<typeof OverviewQuery>;
export type Bucket = OverviewData["deliveryStatistics"]["buckets"][number];

export const GoalStatesQuery = graphql(`
  query GoalStates($after: String) {
    goals(first: 100, after: $after) {
      edges {
        node {
          id
          status
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);

/** Each figure by the filter of its link: what one counts, the other lists. */
export const FiguresQuery = graphql(`
  query Figures($delivered: WebhookRequestFilter!, $waiting: WebhookRequestFilter!, $rejected: WebhookRequestFilter!) {
    delivered: webhookRequests(first: 1, filter: $delivered) {
      totalCount
      totalCountCapped
    }
    waiting: webhookRequests(first: 1, filter: $waiting) {
      totalCount
      totalCountCapped
    }
    rejected: webhookRequests(first: 1, filter: $rejected) {
      totalCount
      totalCountCapped
    }
  }
`);
