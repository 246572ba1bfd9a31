/** What the portal asks for: fields that src/api/graphql/portal.ts lists, and no others, or the server refuses the whole document. */
import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const PortalViewer = graphql(`
  query PortalViewer {
    viewer {
      scopes
      delivering
      deliveriesPausedAt
      application {
        id
        name
      }
    }
  }
`);

const PortalWebhookFields = graphql(`
  fragment PortalWebhookFields on WebhookDefinition {
    id
    name
    description
    state
    stateReason
    eventTypes
    filter
    targetUrl
    totalCalls
    totalErrors
    lastError
    lastAttemptAt
    createdAt
    updatedAt
    signingSecretLastFour
  }
`);
export type PortalWebhook = ResultOf<typeof PortalWebhookFields>;

export const PortalWebhooks = graphql(
  `
  query PortalWebhooks($after: String) {
    webhookDefinitions(first: 100, after: $after) {
      edges {
        node {
          ...PortalWebhookFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [PortalWebhookFields],
);

export const PortalWebhookQuery = graphql(
  `
  query PortalWebhook($id: ID!) {
    webhookDefinition(id: $id) {
      ...PortalWebhookFields
    }
  }
`,
  [PortalWebhookFields],
);

const PortalRowFields = graphql(`
  fragment PortalRowFields on WebhookRequest {
    id
    number
    state
    eventType
    entity
    entityId
    isTest
    errorCode
    errorDescription
    attemptCount
    createdAt
    nextAttemptAt
    attempts(last: 1) {
      edges {
        node {
          statusCode
          durationMs
        }
      }
    }
  }
`);
export type PortalRow = ResultOf<typeof PortalRowFields>;

/** The cursor of now comes with the first page: the stream goes on from there. */
export const PortalLog = graphql(
  `
  query PortalLog($filter: WebhookRequestFilter, $after: String) {
    liveCursor
    webhookRequests(first: 50, filter: $filter, after: $after) {
      edges {
        node {
          ...PortalRowFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [PortalRowFields],
);

export const PortalUpdates = graphql(
  `
  subscription PortalUpdates($filter: WebhookRequestFilter, $after: String) {
    webhookRequestUpdated(filter: $filter, after: $after) {
      cursor
      request {
        ...PortalRowFields
      }
    }
  }
`,
  [PortalRowFields],
);

export const PortalRequest = graphql(
  `
  query PortalRequest($number: SafeInt!) {
    liveCursor
    webhookRequest(number: $number) {
      ...PortalRowFields
      settledAt
      lane {
        state
        head {
          id
        }
      }
      webhookDefinition {
        id
        name
      }
      all: attempts(last: 50) {
        edges {
          node {
            id
            number
            outcome
            manual
            statusCode
            durationMs
            errorCode
            errorDescription
            replyLine
            startedAt
            requestUrl
            requestHeaders
            requestBody
            responseHeaders
            responseBody
            responseTruncated
            warning
          }
        }
      }
    }
  }
`,
  [PortalRowFields],
);
export type PortalRequestDetail = NonNullable<ResultOf<typeof PortalRequest>["webhookRequest"]>;

export const PortalCreate = graphql(
  `
  mutation PortalCreate($input: CreateWebhookDefinitionInput!) {
    createWebhookDefinition(input: $input) {
      __typename
      ... on CreatedWebhookDefinition {
        signingSecret
        definition {
          ...PortalWebhookFields
        }
      }
      ...Problem
    }
  }
`,
  [Problem, PortalWebhookFields],
);
export const PortalUpdate = graphql(
  `
  mutation PortalUpdate($input: UpdateWebhookDefinitionInput!) {
    updateWebhookDefinition(input: $input) {
      __typename
      ... on WebhookDefinition {
        ...PortalWebhookFields
      }
      ...Problem
    }
  }
`,
  [Problem, PortalWebhookFields],
);
export const PortalDelete = graphql(
  `
  mutation PortalDelete($input: DeleteWebhookDefinitionInput!) {
    deleteWebhookDefinition(input: $input) {
      __typename
      ... on WebhookDefinition {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const PortalStop = graphql(
  `
  mutation PortalStop($input: StopWebhookDefinitionsInput!) {
    stopWebhookDefinitions(input: $input) {
      __typename
      ... on WebhookDefinitionList {
        webhookDefinitions {
          id
          state
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const PortalActivate = graphql(
  `
  mutation PortalActivate($input: ActivateWebhookDefinitionsInput!) {
    activateWebhookDefinitions(input: $input) {
      __typename
      ... on WebhookDefinitionList {
        webhookDefinitions {
          id
          state
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const PortalRotate = graphql(
  `
  mutation PortalRotate($input: RotateSigningSecretInput!) {
    rotateSigningSecret(input: $input) {
      __typename
      ... on RotatedSigningSecret {
        signingSecret
        definition {
          id
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const PortalTest = graphql(
  `
  mutation PortalTest($input: TestWebhookDefinitionInput!) {
    testWebhookDefinition(input: $input) {
      __typename
      ... on WebhookRequest {
        id
        number
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const PortalResend = graphql(
  `
  mutation PortalResend($input: ResendWebhookRequestInput!) {
    resendWebhookRequest(input: $input) {
      __typename
      ... on WebhookRequest {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const PortalRetry = graphql(
  `
  mutation PortalRetry($input: RetryWebhookRequestNowInput!) {
    retryWebhookRequestNow(input: $input) {
      __typename
      ... on WebhookRequest {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const PortalSkip = graphql(
  `
  mutation PortalSkip($input: SkipWebhookRequestInput!) {
    skipWebhookRequest(input: $input) {
      __typename
      ... on WebhookRequest {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const PortalSignOut = graphql(`
  mutation PortalSignOut {
    signOut {
      __typename
    }
  }
`);
