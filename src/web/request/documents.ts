import { Problem } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { Told } from "./sentence.ts";

export const RequestQuery = graphql(
  `
  query Request($number: SafeInt!) {
    webhookRequest(number: $number) {
      id
      number
      state
      url
      isTest
      dialect
      authenticationCode
      fieldsSet
      errorCode
      errorDescription
      laneNumber
      attemptCount
      nextAttemptAt
      notificationStatus
      notificationMessage
      createdAt
      settledAt
      webhookDefinition {
        id
        name
        signatureVersions
        retrySchedule
      }
      workflowRule {
        id
        name
      }
      ...Told
      lane {
        id
        state
        key
        head {
          id
        }
      }
      event {
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
        traceparent
        occurredAt
        createdAt
      }
      attempts(last: 50) {
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
            startedAt
            requestUrl
            requestHeaders
            requestBody
            responseHeaders
            responseBody
            replyLine
            responseTruncated
            warning
          }
        }
      }
    }
  }
`,
  [Told],
);

export type RequestDetail = NonNullable<ResultOf<typeof RequestQuery>["webhookRequest"]>;
export type AttemptDetail = RequestDetail["attempts"]["edges"][number]["node"];

export const RequestChanged = graphql(`
  subscription RequestChanged($filter: WebhookRequestFilter, $after: String) {
    webhookRequestUpdated(filter: $filter, after: $after) {
      cursor
      request {
        id
        state
      }
    }
  }
`);

export const Resend = graphql(
  `
  mutation Resend($input: ResendWebhookRequestInput!) {
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
export const Skip = graphql(
  `
  mutation Skip($input: SkipWebhookRequestInput!) {
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
export const Cancel = graphql(
  `
  mutation Cancel($input: CancelWebhookRequestInput!) {
    cancelWebhookRequest(input: $input) {
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
export const RetryNow = graphql(
  `
  mutation RetryNow($input: RetryWebhookRequestNowInput!) {
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
export const Delete = graphql(
  `
  mutation Delete($input: DeleteWebhookRequestInput!) {
    deleteWebhookRequest(input: $input) {
      __typename
      ... on WebhookRequest {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
