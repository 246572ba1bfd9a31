import { graphql, type ResultOf } from "../graphql/tada.ts";

export const OverviewQuery = graphql(`
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
    lanes(first: 50, filter: { state: [WAITING, BLOCKED] }) {
      totalCount
      edges {
        node {
          id
          state
          key
          reason
          until
          pendingCount
          webhookDefinition {
            id
            name
          }
          head {
            number
            eventType
            errorCode
            createdAt
          }
        }
      }
    }
    stopped: webhookDefinitions(first: 20, filter: { state: [TOO_MANY_ERRORS] }) {
      edges {
        node {
          id
          name
          stateReason
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
`);
export type OverviewData = ResultOf<typeof OverviewQuery>;
export type Bucket = OverviewData["deliveryStatistics"]["buckets"][number];

export const GoalStatesQuery = graphql(`
  query GoalStates {
    goals(first: 100) {
      edges {
        node {
          id
          status
        }
      }
    }
  }
`);
