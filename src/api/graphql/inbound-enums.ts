/** What the inbound webhooks' types and inputs share. */
import { builder } from "./builder.ts";

export const InboundTargetType = builder.enumType("InboundTargetType", {
  description: "What a post to the secret URL makes.",
  values: {
    GOAL: { description: 'A post records what was measured on one day, such as `{"date": "2026-11-01", "value": 5}`.' },
    EVENT: { description: "A post of any sender (JSON, a form, text) becomes an event, delivered as any other." },
  } as const,
});

export const InboundVerificationPreset = builder.enumType("InboundVerificationPreset", {
  description: "How a sender signs what it posts. A post that is not signed so is answered 401, and nothing more.",
  values: {
    NONE: { description: "It signs nothing: the key in the URL is all there is." },
    STANDARD_WEBHOOKS: {
      description: "`webhook-id`, `webhook-timestamp` (5 minutes), `webhook-signature`; the secret is `whsec_…`, or `whpk_…`.",
    },
    GITHUB: { description: "The header `X-Hub-Signature-256`; the secret is the one that the repository's webhook was given." },
    STRIPE: { description: "`Stripe-Signature` with its timestamp (5 minutes); the secret is the endpoint's, `whsec_…`." },
    SHOPIFY: { description: "`X-Shopify-Hmac-Sha256`; the secret is the app's." },
    SLACK: { description: "`X-Slack-Signature` and `X-Slack-Request-Timestamp` (5 minutes); url_verification is answered." },
    HMAC: { description: "HMAC-SHA256 of the body in a header of your choice, `header`, written as `encoding` says." },
  } as const,
});

export const InboundOutcome = builder.enumType("InboundOutcome", {
  description: "What became of a post.",
  values: {
    ACCEPTED: { description: "It is an event: `eventId`." },
    DUPLICATE: { description: "It is the same as an earlier one by `dedupe`, and was answered with that one's event." },
    SKIPPED: { description: "The transformation returned null: there is no event of it." },
    CHALLENGE: { description: "Slack asked whether the URL is ours." },
    REFUSED: { description: "There is no event of it; `reason` says why." },
  } as const,
});
