import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const GoalFields = graphql(`
  fragment GoalFields on Goal {
    id
    name
    unit
    direction
    goodThreshold
    badThreshold
    status
    updatedAt
  }
`);
export type Goal = ResultOf<typeof GoalFields>;

export const ValueFields = graphql(`
  fragment ValueFields on GoalValue {
    id
    date
    value
    goodThreshold
    badThreshold
    status
  }
`);
export type GoalValue = ResultOf<typeof ValueFields>;

export const GoalsQuery = graphql(
  `
  query Goals($after: String) {
    goals(first: 50, after: $after) {
      edges {
        node {
          ...GoalFields
          values(first: 30) {
            edges {
              node {
                ...ValueFields
              }
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
`,
  [GoalFields, ValueFields],
);

export const GoalQuery = graphql(
  `
  query Goal($id: ID!, $from: Date, $after: String) {
    goal(id: $id) {
      ...GoalFields
      values(first: 100, from: $from, after: $after) {
        edges {
          node {
            ...ValueFields
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`,
  [GoalFields, ValueFields],
);

export const GoalNow = graphql(
  `
  query GoalNow($id: ID!) {
    goal(id: $id) {
      ...GoalFields
    }
  }
`,
  [GoalFields],
);

export const ValueRecorded = graphql(`
  subscription ValueRecorded($goalId: ID, $after: String) {
    goalValueRecorded(goalId: $goalId, after: $after) {
      cursor
      goalValue {
        id
      }
    }
  }
`);

export const CreateGoal = graphql(
  `
  mutation CreateGoal($input: CreateGoalInput!) {
    createGoal(input: $input) {
      __typename
      ... on Goal {
        ...GoalFields
      }
      ...Problem
    }
  }
`,
  [Problem, GoalFields],
);
export const UpdateGoal = graphql(
  `
  mutation UpdateGoal($input: UpdateGoalInput!) {
    updateGoal(input: $input) {
      __typename
      ... on Goal {
        ...GoalFields
      }
      ...Problem
    }
  }
`,
  [Problem, GoalFields],
);
export const DeleteGoal = graphql(
  `
  mutation DeleteGoal($input: DeleteGoalInput!) {
    deleteGoal(input: $input) {
      __typename
      ... on Goal {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const RecordValue = graphql(
  `
  mutation RecordValue($input: RecordGoalValueInput!) {
    recordGoalValue(input: $input) {
      __typename
      ... on GoalValue {
        id
        date
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const DeleteValue = graphql(
  `
  mutation DeleteValue($input: DeleteGoalValueInput!) {
    deleteGoalValue(input: $input) {
      __typename
      ... on GoalValue {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
