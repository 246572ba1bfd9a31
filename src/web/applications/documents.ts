import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const ApplicationsQuery = graphql(`
  query Applications($after: String) {
    applications(first: 100, after: $after) {
      edges {
        node {
          id
          uid
          name
          createdAt
          webhookDefinitions(first: 20) {
            edges {
              node {
                id
                name
                state
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
export type Application = ResultOf<typeof ApplicationsQuery>["applications"]["edges"][number]["node"];

export const CreateApplication = graphql(
  `
  mutation CreateApplication($input: CreateApplicationInput!) {
    createApplication(input: $input) {
      __typename
      ... on Application {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const UpdateApplication = graphql(
  `
  mutation UpdateApplication($input: UpdateApplicationInput!) {
    updateApplication(input: $input) {
      __typename
      ... on Application {
        id
        uid
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const DeleteApplication = graphql(
  `
  mutation DeleteApplication($input: DeleteApplicationInput!) {
    deleteApplication(input: $input) {
      __typename
      ... on Application {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const AssignDefinition = graphql(
  `
  mutation AssignDefinition($input: UpdateWebhookDefinitionInput!) {
    updateWebhookDefinition(input: $input) {
      __typename
      ... on WebhookDefinition {
        id
        name
        application {
          id
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const CreateLink = graphql(
  `
  mutation CreatePortalLink($input: CreatePortalLinkInput!) {
    createPortalLink(input: $input) {
      __typename
      ... on PortalLink {
        url
        expiresAt
      }
      ...Problem
    }
  }
`,
  [Problem],
);
