/**
 * The user's mistakes, in one catalogue. Domain functions throw these; each door shows them its own way
 * (GraphQL: a typed result; REST: problem+json; a face: its product's error body).
 * What a receiver did is never an exception (wire/outcome.ts); our own faults are ordinary Errors, logged and masked.
 */

import { echo, told } from "./text.ts";

export interface Issue {
  /** Where in the input: `targetUrl`, `events.3.type`. "" = the input as a whole. */
  path: string;
  message: string;
}

export abstract class HooklineError extends Error {
  abstract readonly code: string;
  /** What a plain HTTP door answers. */
  abstract readonly status: number;
  constructor(message: string, options?: { cause?: unknown; most?: number }) {
    super(told(message, options?.most), options);
  }
  /** Prisma makes an error of its own of each that has a code, and keeps what stands here: db/through-prisma.ts takes it out again. */
  get meta(): { thrown: HooklineError } {
    return { thrown: this };
  }
}

/** Of one answer; an input may hold a mistake in every corner. */
const MOST_ISSUES = 100;

/** The input breaks a rule; every issue names its place and the mend. */
export class ValidationError extends HooklineError {
  readonly code = "VALIDATION_FAILED";
  readonly status = 400;
  readonly issues: readonly Issue[];
  constructor(given: readonly Issue[]) {
    const issues = given.slice(0, MOST_ISSUES).map(({ path, message }) => ({ path: echo(path), message: told(message) }));
    super(issues.map((i) => (i.path === "" ? i.message : `${i.path}: ${i.message}`)).join("; "), { most: 2_000 });
    this.name = "ValidationError";
    this.issues = issues;
  }
}

/** Arguments of a read (paging, cursors, filters) that make no sense. */
export class BadInputError extends HooklineError {
  readonly code = "BAD_USER_INPUT";
  readonly status = 400;
  constructor(message: string) {
    super(message);
    this.name = "BadInputError";
  }
}

/** The `after` of a subscription that is none of ours, damaged, or older than what the feed keeps. */
export class BadCursorError extends HooklineError {
  readonly code = "BAD_CURSOR";
  readonly status = 400;
  constructor(message = "this cursor is none that a subscription gave out; read the list anew and subscribe without `after`") {
    super(message);
    this.name = "BadCursorError";
  }
}

/** A subscriber that took its updates too slowly; it may come back with its last cursor. */
export class SlowConsumerError extends HooklineError {
  readonly code = "SLOW_CONSUMER";
  readonly status = 429;
  constructor() {
    super("updates were taken too slowly; subscribe again with `after` set to your last cursor");
    this.name = "SlowConsumerError";
  }
}

/** Unknown, or another organization's: told apart nowhere. */
export class NotFoundError extends HooklineError {
  readonly code = "NOT_FOUND";
  readonly status = 404;
  constructor(what: string) {
    super(`${what} was not found`);
    this.name = "NotFoundError";
  }
}

/** The thing's present state does not allow it, or a unique name is taken. */
export class ConflictError extends HooklineError {
  readonly code: string;
  readonly status: number;
  constructor(message: string, code = "CONFLICT", status = 409) {
    super(message);
    this.name = "ConflictError";
    this.code = code;
    this.status = status;
  }
}

/** Name and password are good in several organizations. */
export class SeveralOrganizationsError extends ConflictError {
  constructor(names: readonly string[]) {
    const all = names.map((name) => JSON.stringify(name)).join(", ");
    super(`this name and password are good in several organizations: say which as \`organization\`: ${all}`);
  }
}

/** Same Idempotency-Key, another body. */
export class IdempotencyKeyReusedError extends ConflictError {
  /** @param place put before the message: which of several keys */
  constructor(place = "") {
    super(`${place}this idempotency key was used with another body; send a new key`, "IDEMPOTENCY_KEY_REUSED", 422);
    this.name = "ConflictError";
  }
}

export class ForbiddenError extends HooklineError {
  readonly code = "FORBIDDEN";
  readonly status = 403;
  constructor(message = "your role or token does not allow this") {
    super(message);
    this.name = "ForbiddenError";
  }
}

export class UnauthenticatedError extends HooklineError {
  readonly code = "UNAUTHENTICATED";
  readonly status = 401;
  constructor(message = "sign in, or send a valid token as `Authorization: Bearer <token>`") {
    super(message);
    this.name = "UnauthenticatedError";
  }
}

/** For the RateLimit headers: what is left of a quota, and in how many seconds it is whole again. */
export interface QuotaLeft {
  limit: number;
  remaining: number;
  resetSeconds: number;
}

export class RateLimitedError extends HooklineError {
  readonly code = "RATE_LIMITED";
  readonly status = 429;
  readonly retryAfterSeconds: number;
  /** Of a quota. */
  readonly left: QuotaLeft | undefined;
  /** @param over which quota, as a sentence's beginning, and what is left of it */
  constructor(retryAfterSeconds: number, over?: { what: string; left: QuotaLeft }) {
    super(`${over?.what ?? "too many requests"}; try again in ${retryAfterSeconds} s`);
    this.name = "RateLimitedError";
    this.retryAfterSeconds = retryAfterSeconds;
    this.left = over?.left;
  }
}

/** The request is larger than the limit. */
export class TooLargeError extends HooklineError {
  readonly code = "TOO_LARGE";
  readonly status = 413;
  constructor(message: string) {
    super(message);
    this.name = "TooLargeError";
  }
}

/** Processing took longer than its deadline; nothing of it was kept. */
export class TimedOutError extends HooklineError {
  readonly code = "TIMED_OUT";
  readonly status = 408;
  constructor() {
    super("processing took too long and was given up; nothing was kept, send it again");
    this.name = "TimedOutError";
  }
}

/** Why the database does not do what it is asked, and what a client is told of it. */
export const UNAVAILABLE = {
  UNREACHABLE: "the database cannot be reached; try again shortly",
  DISK_FULL: "the database's disk is full; try again once its operator has made room",
  NO_CONNECTION: "the database takes no more connections; try again shortly",
  NO_RESOURCES: "the database is out of memory or of another resource; try again shortly",
  READ_ONLY: "the database takes no writes now; try again shortly",
  TOO_SLOW: "the database took too long; try again shortly, or ask for less",
  IN_THE_WAY: "another transaction was in the way for too long; try again shortly",
} as const;
export type UnavailableKind = keyof typeof UNAVAILABLE;

/** The database is away or too slow: the only fault of ours that a client is told to try again. */
export class UnavailableError extends HooklineError {
  readonly code = "UNAVAILABLE";
  readonly status = 503;
  readonly retryAfterSeconds: number = 2;
  constructor({ kind = "UNREACHABLE", ...options }: { cause?: unknown; kind?: UnavailableKind } = {}, message: string = UNAVAILABLE[kind]) {
    super(message, options);
    this.name = "UnavailableError";
  }
}

/** As much waits as this process may hold in memory: nothing of the call was kept. */
export class OverloadedError extends UnavailableError {
  override readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super(undefined, `the server has as much waiting as it can hold; try again in ${retryAfterSeconds} s`);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A read that took as long as a tenant's may: others wait for its connection. */
export class SlowReadError extends UnavailableError {
  override readonly retryAfterSeconds = 5;
  constructor(ms: number, options?: { cause?: unknown }) {
    super(options, `this took longer than ${ms / 1_000} s and was given up; ask for less, or try again later`);
  }
}

/** This process's clock and the database's are too far apart to write ids and leases that fit. */
export class ClockSkewError extends UnavailableError {
  /** @param skewMs this process's clock minus the database's */
  constructor(skewMs: number) {
    super();
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    this.message = `this process's clock is ${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} the database's; set both by the same time server`;
  }
}
