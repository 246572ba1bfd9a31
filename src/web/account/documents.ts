import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const SessionsQuery = graphql(`
  query Sessions($after: String) {
    sessions(first: 100, after: $after) {
      edges {
        node {
          id
          kind
          address
          current
          createdAt
          expiresAt
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
export type Session = ResultOf<typeof SessionsQuery>["sessions"]["edges"][number]["node"];

export const RevokeSession = graphql(
  `
  mutation RevokeSession($input: RevokeSessionInput!) {
    revokeSession(input: $input) {
      __typename
      ... on Session {
        id
        revokedAt
      }
      ...Problem
    }
  }
`,
  [Problem],
);

export const ChangePassword = graphql(
  `
  mutation ChangePassword($input: ChangePasswordInput!) {
    changePassword(input: $input) {
      __typename
      ... on User {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
