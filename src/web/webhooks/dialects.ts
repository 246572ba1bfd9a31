/** What each dialect does by itself, for the editor; test/web/dialects.test.ts holds it against src/wire/dialects. */
export type Dialect = "STANDARD" | "COTALKER" | "CRMCOM" | "DOFORMS" | "SUPEROFFICE";
export type Ordering = "DEFINITION" | "KEY" | "NONE";
export type OnExhausted = "SKIP" | "BLOCK" | "REQUEUE";

export interface DialectFacts {
  label: string;
  /** Who wants it so. */
  hint: string;
  success: string;
  signature: string;
  ordering: Ordering;
  onExhausted: OnExhausted;
  /** Seconds after the 1st, 2nd … failed attempt. */
  waits: number[];
  timeoutMs: number;
}

export const DIALECTS: Record<Dialect, DialectFacts> = {
  STANDARD: {
    label: "Standard",
    hint: "CloudEvents body with Standard Webhooks signatures. Choose this unless the receiver asks for another.",
    success: "any 2xx",
    signature: "Standard Webhooks v1 (HMAC) and, if chosen, v1a (Ed25519)",
    ordering: "DEFINITION",
    onExhausted: "SKIP",
    waits: [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400],
    timeoutMs: 15_000,
  },
  COTALKER: {
    label: "Cotalker",
    hint: "Three attempts, half a minute apart.",
    success: "200 – 209",
    signature: "none, unless a signing secret is set",
    ordering: "DEFINITION",
    onExhausted: "SKIP",
    waits: [30, 30],
    timeoutMs: 15_000,
  },
  CRMCOM: {
    label: "CRM.COM",
    hint: "One attempt, then by hand. The body carries its authentication code.",
    success: "any 2xx",
    signature: "HMAC of `data`, in the body, with a secret key",
    ordering: "NONE",
    onExhausted: "SKIP",
    waits: [],
    timeoutMs: 15_000,
  },
  DOFORMS: {
    label: "doForms",
    hint: "The reply's body decides. Server errors are tried again, other answers are final.",
    success: "2xx and a body that says so",
    signature: "none",
    ordering: "NONE",
    onExhausted: "SKIP",
    waits: [60, 300, 1800, 7200, 21600],
    timeoutMs: 3_000,
  },
  SUPEROFFICE: {
    label: "SuperOffice",
    hint: "Quick rounds, then to the back of the queue; stops after nine errors in a row.",
    success: "200 only",
    signature: "base64 HMAC-SHA256 of the body",
    ordering: "NONE",
    onExhausted: "REQUEUE",
    waits: [1, 4],
    timeoutMs: 15_000,
  },
};

export const ORDERINGS: Record<Ordering, { label: string; hint: string }> = {
  DEFINITION: {
    label: "Strictly in order",
    hint: "One lane: each event waits until the one before it is delivered or given up. A slow receiver slows everything behind it.",
  },
  KEY: {
    label: "In order per entity",
    hint: "A lane for each entity id: all about contact 18 stays in order, while contact 19 goes on beside it.",
  },
  NONE: {
    label: "No order",
    hint: "Several at once, as fast as the receiver takes them. One that fails waits alone and holds nothing up.",
  },
};

export const EXHAUSTIONS: Record<OnExhausted, { label: string; hint: string }> = {
  SKIP: {
    label: "Give it up and go on",
    hint: "The request is rejected and logged, and the lane goes on with the next. You can resend it later.",
  },
  BLOCK: {
    label: "Stop the lane",
    hint: "Nothing passes until someone resends or skips it. For receivers that must never miss one or see them out of order.",
  },
  REQUEUE: {
    label: "To the back of the queue",
    hint: "The same event is tried again later, after everything that waits. SuperOffice only.",
  },
};
