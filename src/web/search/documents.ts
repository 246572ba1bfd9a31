import { graphql } from "../graphql/tada.ts";

/** What a global id names, where it has a page. */
export const FindId = graphql(`
  query FindId($id: ID!) {
    node(id: $id) {
      __typename
      ... on WebhookRequest {
        number
        eventType
        state
      }
      ... on Event {
        id
        type
      }
      ... on WebhookDefinition {
        id
        name
      }
      ... on Lane {
        webhookDefinition {
          id
          name
        }
      }
      ... on Goal {
        id
        name
      }
    }
  }
`);

/** A number, a code, an entity's id: whichever it is. */
export const FindText = graphql(`
  query FindText($text: String!, $number: SafeInt!, $isNumber: Boolean!) {
    webhookRequest(number: $number) @include(if: $isNumber) {
      number
      eventType
      state
    }
    webhookDefinition(code: $text) {
      id
      name
      code
    }
    webhookRequests(first: 4, filter: { entityId: $text }) {
      edges {
        node {
          number
          eventType
          state
          webhookDefinition {
            name
          }
        }
      }
    }
  }
`);

export const WebhookNames = graphql(`
  query WebhookNames($after: String) {
    webhookDefinitions(first: 100, after: $after) {
      edges {
        node {
          id
          name
          code
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
