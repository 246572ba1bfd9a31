import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf, type VariablesOf } from "../graphql/tada.ts";

export const PlanReplay = graphql(
  `
  mutation PlanReplay($input: ReplayInput!) {
    planReplay(input: $input) {
      __typename
      ... on ReplayPlan {
        total
        totalCapped
        oldest
        newest
        webhookDefinitions {
          total
          webhookDefinition {
            id
            name
          }
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export type ReplayInput = VariablesOf<typeof PlanReplay>["input"];
export type ReplayPlan = Extract<ResultOf<typeof PlanReplay>["planReplay"], { __typename: "ReplayPlan" }>;

export const ReplayFields = graphql(`
  fragment ReplayFields on Replay {
    id
    kind
    total
    done
    failed
    ratePerSecond
    state
    createdAt
    finishedAt
  }
`);
export type Replay = ResultOf<typeof ReplayFields>;

export const CreateReplay = graphql(
  `
  mutation CreateReplay($input: ReplayInput!) {
    createReplay(input: $input) {
      __typename
      ... on Replay {
        ...ReplayFields
      }
      ...Problem
    }
  }
`,
  [Problem, ReplayFields],
);

export const CancelReplay = graphql(
  `
  mutation CancelReplay($input: CancelReplayInput!) {
    cancelReplay(input: $input) {
      __typename
      ... on Replay {
        ...ReplayFields
      }
      ...Problem
    }
  }
`,
  [Problem, ReplayFields],
);

export const ReplayQuery = graphql(
  `
  query Replay($id: ID!) {
    node(id: $id) {
      __typename
      ... on Replay {
        ...ReplayFields
      }
    }
  }
`,
  [ReplayFields],
);
