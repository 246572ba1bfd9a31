/**
 * How one family of receivers wants it: body, headers, signature, what counts as success, retry schedule.
 * Everything here is pure; a dialect fills `Dialect` in one file of `dialects/`.
 */

import type { TraceContext } from "../observe/tracing.ts";

export type DialectName = "STANDARD" | "CRMCOM" | "DOFORMS" | "COTALKER" | "SUPEROFFICE";
/** The event type of the test button when no event is given. Every dialect has a target and a body for it. */
export const TEST_EVENT_TYPE = "test";

export type Ordering = "DEFINITION" | "KEY" | "NONE";
export type OnExhausted = "SKIP" | "BLOCK" | "REQUEUE";
export type AttemptOutcome = "DELIVERED" | "REJECTED" | "TIMED_OUT" | "REFUSED" | "BLOCKED" | "INTERRUPTED";
export type NotificationStatus = "NEW" | "RECEIVED" | "COMPLETED" | "FAILED";

export type ErrorCode =
  | "DNS_ERROR"
  | "CONNECTION_REFUSED"
  | "CONNECTION_RESET"
  | "TIMEOUT"
  | "TLS_ERROR"
  | "HTTP_STATUS"
  | "EGRESS_BLOCKED"
  | "RESPONSE_INVALID"
  | "RESPONSE_TOO_LARGE"
  | "INTERRUPTED"
  | "INTERRUPTED_TOO_OFTEN"
  | "RENDER_ERROR"
  | "INVALID_HEADER"
  | "SECRET_UNREADABLE"
  | "TRANSFORMATION_ERROR"
  /** A payload query that reads or gives more than it may. */
  | "QUERY_BUDGET"
  | "SCRIPT_ERROR"
  | "SCRIPT_TIMEOUT"
  | "SCRIPT_MEMORY"
  | "NO_TARGET";

/** What happens by itself to a request that fails. Durations in the unit their name says. */
export interface Policy {
  ordering: Ordering;
  /** Requests in flight at once; only with ordering NONE, else 1. */
  concurrency: number;
  onExhausted: OnExhausted;
  /** Seconds after the 1st, 2nd … failed attempt; attempts = length + 1. */
  waits: readonly number[];
  /** A wait is multiplied by 1 ± this. 0 where a contract names the waits. */
  jitter: number;
  /** Seconds between two rounds of the schedule (REQUEUE). */
  requeueWait: number;
  /** Failed attempts of a definition in a row that stop it; null: never. */
  maxConsecutiveErrors: number | null;
  timeoutMs: number;
  /** Whether 410 Gone stops the definition: "STOPPED" (standard), "TOO_MANY_ERRORS" (superoffice), null: a rejection like any other. */
  onGone: "STOPPED" | "TOO_MANY_ERRORS" | null;
}

export interface EventView {
  /** UUID. */
  id: string;
  organizationId: string;
  type: string;
  entity: string | null;
  entityId: string | null;
  /** The payload's JSON text, as sent. */
  payload: string;
  /** The entity before the change, as JSON text. */
  previous: string | null;
  changes: readonly string[];
  scope: Readonly<Record<string, unknown>> | null;
  actor: string | null;
  /** Of the user whose call brought the event; absent or null: nobody's. */
  callerNumber?: number | null;
  /** What it belongs to elsewhere; absent or null: nothing. */
  trace?: TraceContext | null;
  occurredAt: Date;
  acceptedAt: Date;
}

/** A key that signs; during a rotation's overlap there are several. */
export type SigningKey =
  | { kind: "HMAC"; key: Uint8Array }
  /** `seed`: 32 bytes. */
  | { kind: "ED25519"; seed: Uint8Array };

export interface DefinitionView {
  /** UUID. */
  id: string;
  organizationId: string;
  number: number;
  name: string;
  code: string;
  dialect: DialectName;
  targetType: "WEBHOOK" | "CRMSCRIPT";
  /** The target, unless a connection gives one per action. */
  targetUrl: string | null;
  connection: { added: string | null; edited: string | null; deleted: string | null; status: string | null } | null;
  /** Custom headers of the definition and its connection, in clear. */
  headers: Readonly<Record<string, string>>;
  properties: Readonly<Record<string, unknown>> | null;
  /** Dotted paths; empty: the whole payload. */
  fieldsSet: readonly string[];
  /** Current first. */
  signingKeys: readonly SigningKey[];
  /** CRM.COM: the selected named secret key. */
  secretKey: { text: string; algorithm: "SHA256" | "SHA1"; encoding: "HEX" | "BASE64" } | null;
  /** doForms: the web service's own id. */
  webServiceId: string | null;
  policy: Policy;
}

export interface RequestView {
  /** UUID. */
  id: string;
  number: number;
  /** Failed calls of this payload so far, over all rounds of the schedule: 0 on the first try. */
  retries: number;
  isTest: boolean;
  createdAt: Date;
}

/** The bytes that are signed are the bytes that are sent. */
export interface Rendered {
  /** Lower-case names. Without the custom headers, which the sender adds first. */
  headers: Record<string, string>;
  body: Buffer;
  /** CRM.COM: shown on the request. */
  authenticationCode: string | null;
}

export interface Reply {
  kind: "REPLY";
  status: number;
  headers: Record<string, string | string[]>;
  /** At most 64 KiB, decoded as UTF-8 without its byte order mark, NUL replaced. */
  body: string;
  /** The Content-Encoding of a body that was not read for it: `body` is empty. The request asks for identity. */
  unread?: string;
  /** More came than is kept, or less than was announced. */
  truncated: boolean;
  /** What ended it after a whole head and before its own end: a reset, a stall, broken HTTP. */
  fault?: NoReply;
}

/** No usable reply came. */
export interface NoReply {
  kind: "NO_REPLY";
  outcome: "TIMED_OUT" | "REFUSED" | "BLOCKED";
  errorCode: ErrorCode;
  /** For people; names no resolved address. */
  message: string;
  /** The status in a head that was not complete, or cannot be used. */
  status?: number;
}

export type Answer = Reply | NoReply;

/** What an answer means. */
export interface Verdict {
  outcome: AttemptOutcome;
  errorCode: ErrorCode | null;
  errorDescription: string | null;
  /** False: final, whatever the schedule says. */
  retryable: boolean;
  /** 410: see Policy.onGone. */
  gone: boolean;
  notificationStatus: NotificationStatus | null;
  notificationMessage: string | null;
  warning: string | null;
}

export interface RenderInput {
  event: EventView;
  definition: DefinitionView;
  request: RequestView;
  /** When this attempt is made: the timestamp that is signed. */
  now: Date;
  /** The installation's own address, for `source`. */
  publicUrl: string;
  /** A body made elsewhere (transformation, payload query, an earlier attempt) to be signed and sent as it is. */
  body: Buffer | null;
}

export interface Dialect {
  readonly name: DialectName;
  readonly defaults: Policy;
  /** The URL for this event; null: this dialect sends nothing for it. */
  target(event: EventView, definition: DefinitionView): string | null;
  render(input: RenderInput): Rendered;
  judge(answer: Answer): Verdict;
  /** Whether the reply's body decides (then a cut one is RESPONSE_TOO_LARGE). */
  readonly readsBody: boolean;
  /** Whether a resend renders the body anew with the definition as it is now (CRM.COM), or keeps its bytes. */
  readonly rendersAnew: boolean;
  /**
   * How a definition's event types are read. PATTERNS: `order.created`, `order.*`, `*`, case included. NAMES: each is the name
   * of one event, in any case, and a star is a character like any other (SuperOffice).
   */
  readonly eventTypes: "PATTERNS" | "NAMES";
  /** What a definition's code is made of: lower-case letters, digits and underscores, or any printable text (CRM.COM). */
  readonly codes: "PLAIN" | "PRINTABLE";
  /** Whether a new definition gets a signing secret when nothing is said. */
  readonly signed: boolean;
  /** A signing secret's text: `whsec_` and base64 of the key, or the UTF-8 bytes of any text (SuperOffice). */
  readonly secrets: "STANDARD" | "TEXT";
  /** Whether a request has a notification status of its own, which its receiver may call back with (doForms). */
  readonly callsBack: boolean;
  /** Whether onExhausted may be REQUEUE. */
  readonly requeues: boolean;
  /** Whether a receiver's certificate must be valid: always, or as the operator's setting for this dialect says. */
  readonly certificates: "ALWAYS" | "BY_SETTING";
  /** The event that tells a change of a definition's state, for dialects whose receivers subscribe to such; else null. */
  stateEvent(change: StateOfDefinition): { type: string; payload: string } | null;
}

/** A definition's state, just entered. */
export interface StateOfDefinition {
  number: number;
  name: string;
  state: "ACTIVE" | "STOPPED" | "TOO_MANY_ERRORS";
}

/** What most dialects have in common. */
export const USUAL = {
  readsBody: false,
  rendersAnew: false,
  eventTypes: "PATTERNS",
  codes: "PLAIN",
  signed: false,
  secrets: "STANDARD",
  callsBack: false,
  requeues: false,
  certificates: "ALWAYS",
  stateEvent: () => null,
} as const satisfies Partial<Dialect>;
