import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { Told } from "../request/sentence.ts";

export const DefinitionFields = graphql(`
  fragment DefinitionFields on WebhookDefinition {
    id
    number
    name
    code
    description
    dialect
    state
    stateReason
    stoppedAt
    eventTypes
    filter
    targetType
    targetUrl
    connection {
      id
      name
    }
    script {
      id
      name
    }
    application {
      id
      name
    }
    headers
    properties
    ordering
    concurrency
    onExhausted
    retrySchedule
    maxConsecutiveErrors
    timeoutMs
    signatureVersions
    signingPublicKey
    fieldsSet
    secretKey {
      id
      name
    }
    hmacAlgorithm
    hmacEncoding
    transformation
    payloadQuery
    errorsEmail
    createdAt
    updatedAt
    lastAttemptAt
    totalCalls
    totalErrors
    consecutiveErrors
    lastError
  }
`);
export type Definition = ResultOf<typeof DefinitionFields>;

/** Lanes of one webhook, for its page: with what stands at their heads. */
const HeldLanes = graphql(
  `
  fragment HeldLanes on LaneConnection {
    totalCount
    totalCountCapped
    edges {
      node {
        id
        key
        state
        until
        pendingCount
        head {
          number
          ...Told
        }
      }
    }
  }
`,
  [Told],
);

export const DefinitionQuery = graphql(
  `
  query Definition($id: ID!) {
    webhookDefinition(id: $id) {
      ...DefinitionFields
      policy {
        ordering
        concurrency
        onExhausted
        retrySchedule
        timeoutMs
        maxConsecutiveErrors
      }
      signingSecretLastFour
    }
    blocked: lanes(first: 5, filter: { webhookDefinitionId: $id, state: [BLOCKED] }) {
      ...HeldLanes
    }
    waiting: lanes(first: 5, filter: { webhookDefinitionId: $id, state: [WAITING] }) {
      ...HeldLanes
    }
    paused: lanes(first: 5, filter: { webhookDefinitionId: $id, state: [PAUSED] }) {
      ...HeldLanes
    }
    busy: lanes(first: 5, filter: { webhookDefinitionId: $id, state: [READY, LEASED] }) {
      ...HeldLanes
    }
    failed: webhookRequests(first: 5, filter: { webhookDefinitionId: $id, state: [WAITING, REJECTED] }) {
      edges {
        node {
          id
          number
          eventType
          entity
          entityId
          createdAt
          ...Told
        }
      }
    }
    webhookRequests(first: 8, filter: { webhookDefinitionId: $id }) {
      edges {
        node {
          id
          number
          state
          eventType
          entityId
          createdAt
          attempts(last: 1) {
            edges {
              node {
                statusCode
                durationMs
                errorCode
              }
            }
          }
        }
      }
    }
  }
`,
  [DefinitionFields, HeldLanes, Told],
);
export type DefinitionData = ResultOf<typeof DefinitionQuery>;
export type WholeDefinition = NonNullable<DefinitionData["webhookDefinition"]>;

export const DefinitionNow = graphql(
  `
  query DefinitionNow($id: ID!) {
    webhookDefinition(id: $id) {
      ...DefinitionFields
    }
  }
`,
  [DefinitionFields],
);

export const DefinitionsQuery = graphql(
  `
  query Definitions($after: String) {
    webhookDefinitions(first: 100, after: $after) {
      edges {
        node {
          ...DefinitionFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [DefinitionFields],
);

export const CreateDefinition = graphql(
  `
  mutation CreateDefinition($input: CreateWebhookDefinitionInput!) {
    createWebhookDefinition(input: $input) {
      __typename
      ... on CreatedWebhookDefinition {
        signingSecret
        definition {
          ...DefinitionFields
        }
      }
      ...Problem
    }
  }
`,
  [Problem, DefinitionFields],
);
export const UpdateDefinition = graphql(
  `
  mutation UpdateDefinition($input: UpdateWebhookDefinitionInput!) {
    updateWebhookDefinition(input: $input) {
      __typename
      ... on WebhookDefinition {
        ...DefinitionFields
      }
      ...Problem
    }
  }
`,
  [Problem, DefinitionFields],
);
export const DeleteDefinition = graphql(
  `
  mutation DeleteDefinition($input: DeleteWebhookDefinitionInput!) {
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
export const StopDefinitions = graphql(
  `
  mutation StopDefinitions($input: StopWebhookDefinitionsInput!) {
    stopWebhookDefinitions(input: $input) {
      __typename
      ... on WebhookDefinitionList {
        webhookDefinitions {
          id
          state
          stoppedAt
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
export const ActivateDefinitions = graphql(
  `
  mutation ActivateDefinitions($input: ActivateWebhookDefinitionsInput!) {
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
export const RotateSecret = graphql(
  `
  mutation RotateSecret($input: RotateSigningSecretInput!) {
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
export const SendTest = graphql(
  `
  mutation SendTest($input: TestWebhookDefinitionInput!) {
    testWebhookDefinition(input: $input) {
      __typename
      ... on WebhookRequest {
        id
        number
        state
        errorCode
        errorDescription
        attempts(last: 1) {
          edges {
            node {
              outcome
              statusCode
              durationMs
              responseHeaders
              responseBody
              warning
              requestUrl
            }
          }
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
