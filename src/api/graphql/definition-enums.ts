/** The words of a definition's settings. */
import { builder } from "./builder.ts";

export const Dialect = builder.enumType("Dialect", {
  description:
    "A family of receivers: it decides body, headers, signature, what counts as success, and the policy where the definition has none of its own.",
  values: {
    STANDARD: { description: "Standard Webhooks headers, a CloudEvents-shaped body; 2xx is success; ten waits from 5 s to 24 h, ± 20 %." },
    CRMCOM: { description: "CRM.COM: an HMAC of the data inside the body; 2xx is success; one attempt, resent by hand." },
    DOFORMS: {
      description:
        "doForms: an envelope with a key; the reply's body decides; 5xx and timeouts are tried again after 1, 5, 30 min, 2 h and 6 h.",
    },
    COTALKER: { description: "Cotalker: 200 to 209 is success; three attempts, 30 s apart." },
    SUPEROFFICE: {
      description:
        "SuperOffice: 200 alone is success; cycles of three attempts with 60 s between them; stopped by nine errors in a row or a 410.",
    },
  } as const,
});

export const WebhookDefinitionState = builder.enumType("WebhookDefinitionState", {
  description: "Whether a definition is given new events, and sends what is queued.",
  values: {
    ACTIVE: { description: "New events are matched against it, and its queue is sent." },
    STOPPED: { description: "By hand, or by an answer 410: what is queued is kept, new events are not taken." },
    TOO_MANY_ERRORS: {
      description: "By `maxConsecutiveErrors` failed attempts in a row: what is queued is kept, new events are not taken.",
    },
  } as const,
});

export const Ordering = builder.enumType("Ordering", {
  description: "Which requests of a definition wait for each other. A change keeps the order of what is queued.",
  values: {
    DEFINITION: { description: "All of them: one lane, one request in flight." },
    KEY: { description: "Those of one entity and entityId: a lane for each, side by side." },
    NONE: { description: "None of them: up to `concurrency` in flight, a failing one waits alone." },
  } as const,
});

export const OnExhausted = builder.enumType("OnExhausted", {
  description: "What happens when a request has failed after every wait of its schedule.",
  values: {
    SKIP: { description: "The request is REJECTED, and its lane goes on with the next one." },
    BLOCK: {
      description:
        "The request is REJECTED, and its lane stands still until it is resent, skipped or tried again, or the definition activated.",
    },
    REQUEUE: {
      description:
        "The request goes through its schedule again with the same bytes: with ordering NONE from the back of the queue, else from the head of its lane, which order keeps it at; for the dialect SUPEROFFICE alone.",
    },
  } as const,
});

export const SignatureVersion = builder.enumType("SignatureVersion", {
  description: "A signature scheme of Standard Webhooks, in the header `webhook-signature`.",
  values: {
    V1: { description: "HMAC-SHA256 with a secret that both sides know, `v1,…`." },
    V1A: { description: "Ed25519, `v1a,…`: receivers verify with `signingPublicKey` and can forge nothing." },
  } as const,
});

export const HmacAlgorithm = builder.enumType("HmacAlgorithm", {
  description: "The hash of the authentication code in a CRMCOM body.",
  values: {
    SHA256: { description: "HMAC-SHA256, 32 bytes; the default." },
    SHA1: { description: "HMAC-SHA1, 20 bytes, for receivers that know no other." },
  } as const,
});

export const HmacEncoding = builder.enumType("HmacEncoding", {
  description: "How the bytes of the authentication code are written in a CRMCOM body.",
  values: {
    HEX: { description: "Lower-case hexadecimal digits; the default." },
    BASE64: { description: "The standard alphabet of RFC 4648, with padding: 44 characters for SHA256." },
  } as const,
});

export const TargetType = builder.enumType("TargetType", {
  description: "What a definition does with an event that it takes.",
  values: {
    WEBHOOK: { description: "It calls `targetUrl`, or a URL of its connection." },
    CRMSCRIPT: { description: "It runs its script here, and calls nobody." },
  } as const,
});
