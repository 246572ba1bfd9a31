/** The words of a definition's settings. */
import { builder } from "./builder.ts";

export const Dialect = builder.enumType("Dialect", {
  description: "One family of receivers: body, headers, signature, what counts as success, retry schedule.",
  values: {
    STANDARD: { description: "Ours: Standard Webhooks headers and a CloudEvents-shaped body." },
    CRMCOM: { description: "CRM.COM: an HMAC of the data inside the body, one attempt, resent by hand." },
    DOFORMS: { description: "doForms: an envelope with a key; the reply's body decides." },
    COTALKER: { description: "Cotalker: strictly in order, three attempts, 30 s apart." },
    SUPEROFFICE: { description: "SuperOffice: cycles of three attempts, 200 only, stopped at nine errors in a row." },
  } as const,
});

export const WebhookDefinitionState = builder.enumType("WebhookDefinitionState", {
  description: "Whether a definition is given new events and sends.",
  values: {
    ACTIVE: { description: "It is." },
    STOPPED: { description: "Stopped by hand, or by a 410: what is queued is kept, new events are not taken." },
    TOO_MANY_ERRORS: { description: "Stopped by too many failed attempts in a row: what is queued is kept, new events are not taken." },
  } as const,
});

export const Ordering = builder.enumType("Ordering", {
  description: "Which requests of a definition wait for each other.",
  values: {
    DEFINITION: { description: "All: one lane, one after another." },
    KEY: { description: "Those of one entity: a lane per entity and entity id." },
    NONE: { description: "None: up to `concurrency` in flight, a failing one waits alone." },
  } as const,
});

export const OnExhausted = builder.enumType("OnExhausted", {
  description: "What happens to a request whose schedule is used up.",
  values: {
    SKIP: { description: "It is REJECTED, and its lane goes on." },
    BLOCK: { description: "It is REJECTED, and its lane stops there until somebody resends, skips or activates." },
    REQUEUE: { description: "To the back of the queue, with the same bytes; for the dialect SUPEROFFICE alone." },
  } as const,
});

export const SignatureVersion = builder.enumType("SignatureVersion", {
  description: "A signature scheme of Standard Webhooks.",
  values: {
    V1: { description: "HMAC-SHA256 with a shared secret." },
    V1A: { description: "Ed25519: receivers verify with the public key." },
  } as const,
});

export const HmacAlgorithm = builder.enumType("HmacAlgorithm", {
  description: "The hash of a CRMCOM authentication code.",
  values: { SHA256: { description: "HMAC-SHA256." }, SHA1: { description: "HMAC-SHA1, for old receivers." } } as const,
});

export const HmacEncoding = builder.enumType("HmacEncoding", {
  description: "How a CRMCOM authentication code is written.",
  values: { HEX: { description: "Lower-case hex." }, BASE64: { description: "Base64." } } as const,
});

export const TargetType = builder.enumType("TargetType", {
  description: "What a definition does with an event.",
  values: { WEBHOOK: { description: "It calls a URL." }, CRMSCRIPT: { description: "It runs a script here." } } as const,
});
