/**
 * What a transaction tells the live feed: its changes, in order, as one row per organization (`feed_unsequenced`). The
 * row is written last, after all locks, so that whoever sees another's commit draws a later place in line.
 * The text is ours at both ends: `encodeChanges` here, `decodeBody` for what the sequencer made of it.
 */
import type { NotificationStatus } from "../wire/dialect.ts";

export interface RequestChanged {
  kind: "REQUEST";
  requestId: string;
  definitionId: string;
  state: string;
  attemptCount: number;
  /** Until the next attempt, from the moment of the transaction; null: none is planned. */
  waitMs: number | null;
  errorCode: string | null;
  errorDescription: string | null;
  url: string | null;
  notificationStatus: NotificationStatus | null;
}

export interface GoalValueChanged {
  kind: "GOAL_VALUE";
  goalValueId: string;
  goalId: string;
  /** The value as of this change. */
  snapshot: unknown;
}

export type Change = RequestChanged | GoalValueChanged;

/** Changes in one row: bounds what a reader parses at a time. */
export const CHANGES_PER_ROW = 250;
/** `2026-11-27T12:00:00.123456Z`, which the sequencer puts before the changes. */
const MOMENT_LENGTH = 27;

/** Positional, since field names would be half of the text. */
type Encoded = readonly unknown[];

const encode = (change: Change): Encoded =>
  change.kind === "REQUEST"
    ? [
        ...[0, change.requestId, change.definitionId, change.state, change.attemptCount, change.waitMs],
        ...[change.errorCode, change.errorDescription, change.url, change.notificationStatus],
      ]
    : [1, change.goalValueId, change.goalId, change.snapshot];

function decode(parts: Encoded): Change {
  if (parts[0] === 1) return { kind: "GOAL_VALUE", goalValueId: parts[1] as string, goalId: parts[2] as string, snapshot: parts[3] };
  const [, requestId, definitionId, state, attemptCount, waitMs, errorCode, errorDescription, url, notificationStatus] = parts;
  return {
    kind: "REQUEST",
    ...{ requestId, definitionId, state, attemptCount, waitMs, errorCode, errorDescription, url, notificationStatus },
  } as RequestChanged;
}

/** JSON text: control characters and lone surrogates are escaped, so that Postgres takes whatever a receiver said. */
export const encodeChanges = (changes: readonly Change[]): string => JSON.stringify(changes.map(encode));

/** @returns the moment of the transaction, and its changes in order */
export function decodeBody(body: string): { at: Date; changes: Change[] } {
  return { at: new Date(body.slice(0, MOMENT_LENGTH)), changes: (JSON.parse(body.slice(MOMENT_LENGTH)) as Encoded[]).map(decode) };
}
