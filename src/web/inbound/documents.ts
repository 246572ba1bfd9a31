import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const InboundFields = graphql(`
  fragment InboundFields on InboundWebhook {
    id
    name
    description
    enabled
    createdAt
    lastReceivedAt
    acceptedCount
    refusedCount
    lastErrors {
      at
      status
    }
    goal {
      id
      name
    }
  }
`);
export type Inbound = ResultOf<typeof InboundFields>;

export const InboundQuery = graphql(
  `
  query InboundWebhooks($after: String) {
    inboundWebhooks(first: 100, after: $after) {
      edges {
        node {
          ...InboundFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [InboundFields],
);
export const GoalNamesQuery = graphql(`
  query GoalNames($after: String) {
    goals(first: 100, after: $after) {
      edges {
        node {
          id
          name
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
export const CreateInbound = graphql(
  `
  mutation CreateInbound($input: CreateInboundWebhookInput!) {
    createInboundWebhook(input: $input) {
      __typename
      ... on CreatedInboundWebhook {
        targetUrl
        inboundWebhook {
          ...InboundFields
        }
      }
      ...Problem
    }
  }
`,
  [Problem, InboundFields],
);
export const UpdateInbound = graphql(
  `
  mutation UpdateInbound($input: UpdateInboundWebhookInput!) {
    updateInboundWebhook(input: $input) {
      __typename
      ... on InboundWebhook {
        ...InboundFields
      }
      ...Problem
    }
  }
`,
  [Problem, InboundFields],
);
export const DeleteInbound = graphql(
  `
  mutation DeleteInbound($input: DeleteInboundWebhookInput!) {
    deleteInboundWebhook(input: $input) {
      __typename
      ... on InboundWebhook {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const RotateKey = graphql(
  `
  mutation RotateKey($input: RotateInboundWebhookKeyInput!) {
    rotateInboundWebhookKey(input: $input) {
      __typename
      ... on RotatedInboundWebhookKey {
        targetUrl
        inboundWebhook {
          id
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
