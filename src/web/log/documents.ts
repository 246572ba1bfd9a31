import { graphql, type ResultOf } from "../graphql/tada.ts";
import { Told } from "../request/sentence.ts";

export const LogRowFields = graphql(
  `
  fragment LogRowFields on WebhookRequest {
    id
    number
    state
    eventType
    entity
    entityId
    errorCode
    attemptCount
    isTest
    createdAt
    nextAttemptAt
    webhookDefinition {
      id
      name
    }
    attempts(last: 1) {
      edges {
        node {
          statusCode
          durationMs
          outcome
        }
      }
    }
    ...Told
  }
`,
  [Told],
);

export type LogRow = ResultOf<typeof LogRowFields>;

/** The cursor of now comes with the first page: what happens after this answer is what the subscription begins with. */
export const LogPageQuery = graphql(
  `
  query LogPage($filter: WebhookRequestFilter, $after: String) {
    liveCursor
    webhookRequests(first: 100, after: $after, filter: $filter) {
      totalCount
      totalCountCapped
      edges {
        node {
          ...LogRowFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [LogRowFields],
);

export const TotalQuery = graphql(`
  query LogTotal($filter: WebhookRequestFilter) {
    webhookRequests(first: 1, filter: $filter) {
      totalCount
      totalCountCapped
    }
  }
`);

export const OlderQuery = graphql(
  `
  query OlderRequests($filter: WebhookRequestFilter, $after: String) {
    webhookRequests(first: 100, after: $after, filter: $filter) {
      edges {
        node {
          ...LogRowFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [LogRowFields],
);

/** The cursor behind the last of these: rows that came in live have none of their own. */
export const PlaceQuery = graphql(`
  query PlaceOfRequest($ids: [ID!]!) {
    webhookRequests(first: 100, filter: { ids: $ids }) {
      pageInfo {
        endCursor
      }
    }
  }
`);

export const LogSubscription = graphql(
  `
  subscription LogUpdates($filter: WebhookRequestFilter, $after: String) {
    webhookRequestUpdated(filter: $filter, after: $after) {
      cursor
      request {
        ...LogRowFields
      }
    }
  }
`,
  [LogRowFields],
);
