import { graphql, type ResultOf, type VariablesOf } from "../graphql/tada.ts";

export const EventsQuery = graphql(`
  query Events($filter: EventFilter, $after: String) {
    events(first: 50, after: $after, filter: $filter) {
      totalCount
      totalCountCapped
      stoppedAt
      edges {
        node {
          id
          type
          entity
          entityId
          createdAt
          application {
            id
            name
          }
          requests(first: 5) {
            edges {
              node {
                id
                number
                state
                webhookDefinition {
                  id
                  name
                }
              }
            }
            pageInfo {
              hasNextPage
            }
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
export type EventFilterInput = NonNullable<VariablesOf<typeof EventsQuery>["filter"]>;
export type EventRow = ResultOf<typeof EventsQuery>["events"]["edges"][number]["node"];

export const EventQuery = graphql(`
  query Event($id: ID!) {
    event(id: $id) {
      id
      type
      entity
      entityId
      payload
      previous
      changes
      scope
      actor
      source
      occurredAt
      createdAt
      requests(first: 50) {
        edges {
          node {
            id
            number
            state
            webhookDefinition {
              id
              name
            }
          }
        }
        pageInfo {
          hasNextPage
        }
      }
    }
  }
`);
export type EventDetail = NonNullable<ResultOf<typeof EventQuery>["event"]>;
