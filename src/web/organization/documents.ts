import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const OrganizationQuery = graphql(`
  query Organization($admin: Boolean!) {
    organization {
      id
      name
      timeZone
      features
      eventTypeEnforcement
      deliveriesPausedAt
      retentionDays
      alertEmail @include(if: $admin)
      quotas {
        eventsPerSecond
        definitions
        queuedRequests
        storedBytes
        subscriptions
      }
      usage {
        eventsPerSecond
        definitions
        queuedRequests
        storedBytes
        subscriptions
      }
    }
  }
`);
export type OrganizationData = ResultOf<typeof OrganizationQuery>["organization"];

export const UpdateOrganization = graphql(
  `
  mutation UpdateOrganization($input: UpdateOrganizationInput!) {
    updateOrganization(input: $input) {
      __typename
      ... on Organization {
        id
        name
        timeZone
        eventTypeEnforcement
        alertEmail
        retentionDays
      }
      ...Problem
    }
  }
`,
  [Problem],
);

/** What is older than a moment and no longer waits for anything. */
export const SettledBefore = graphql(`
  query SettledBefore($before: DateTime!) {
    webhookRequests(first: 1, filter: { createdBefore: $before, state: [DELIVERED, REJECTED, SKIPPED, CANCELLED] }) {
      totalCount
      totalCountCapped
    }
  }
`);

export const TestAlert = graphql(
  `
  mutation TestAlert {
    testAlert {
      __typename
      ... on Organization {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);

export const PauseAll = graphql(
  `
  mutation PauseAll($input: PauseAllDeliveriesInput) {
    pauseAllDeliveries(input: $input) {
      __typename
      ... on Organization {
        id
        deliveriesPausedAt
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const ResumeAll = graphql(
  `
  mutation ResumeAll($input: ResumeAllDeliveriesInput) {
    resumeAllDeliveries(input: $input) {
      __typename
      ... on Organization {
        id
        deliveriesPausedAt
      }
      ...Problem
    }
  }
`,
  [Problem],
);
