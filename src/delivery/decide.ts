/**
 * What a lane that this process holds does next. Pure: what is the case comes in, one move goes out, and run.ts makes it.
 *
 * Modes, and how each is left:
 *
 *   IDLE      nothing in hand, nothing to read      → news, or a request from ingest; let go of after some seconds (worker.ts)
 *   READING   a page of the queue is on its way     → it is here, or the database is away
 *   MARKING   a commit is under way                 → it is on disk; the lease is lost: END
 *   SENDING   calls are in flight                   → an answer; the lease ends: they are given up
 *   SHORT     its next request has no bytes         → somebody gives some back
 *   PLACELESS it has work and no place              → its turn comes; too long: it is let go of
 *   GAVE_UP   a strict lane rejected a request      → that is on disk: a kill before would turn two requests round
 *   HALTED    it waits, is blocked, or must leave   → nothing is in flight: END
 *   LEFT      it is no longer ours                  → none
 */

/** Sends of a lane that are not settled yet, at most: what a kill can repeat. */
export const UNSETTLED = 64;
/** A window is what is sent in this time, but never more than so many. */
export const WINDOW_MS = 50;
const WINDOW = 32;
/** While so many commits take, a strict lane goes on with what is marked: one of them may be late. */
const COMMITS_AHEAD = 3;
/** And no commit is worth it for less. */
const LEAST_MARKS = 4;
/** Part of a send that a commit may take without the next request being marked ahead of it. */
const COMMIT_TRIFLE = 0.25;

export interface LaneState {
  /** Ordered NONE. */
  free: boolean;
  /** It may send at all: it has a place. */
  placed: boolean;
  /** A read or a commit is under way. */
  busy: boolean;
  /** Ingest was promised room for so many. */
  reserved: number;
  /** It waits, is blocked, or must leave. */
  halted: boolean;
  gaveUp: boolean;
  leaseHolds: boolean;
  /** In memory, not marked. */
  buffered: number;
  /** So many of those, from the first, are due. */
  due: number;
  /** So many of those that are due have their bytes. */
  fitting: number;
  /** There may be more in the table than in memory. */
  more: boolean;
  marked: number;
  /** The first of the marked ones has its payload. */
  ready: boolean;
  inFlight: number;
  /** Answered, not settled. */
  done: number;
  /** Calls that may be in flight at once. */
  concurrency: number;
  window: number;
  /** Calls that are answered while a commit is under way. */
  perCommit: number;
  /** How many more may be marked by window and unsettled sends. */
  room: number;
  /** Ordered NONE: some wait for a retry, and we know when the first of them is due. */
  retryKnown: boolean;
}

export type Move =
  /** The first of the marked ones goes out. */
  | { kind: "SEND" }
  /** What is done is settled, the next so many are marked. */
  | { kind: "COMMIT"; marks: number }
  | { kind: "READ" }
  /** Settle soon, if nothing else makes it necessary. */
  | { kind: "FLUSH" }
  | { kind: "IDLE" }
  /** Something is under way that will ask again. */
  | { kind: "WAIT" }
  /** Settle, and let the lane go. */
  | { kind: "END"; why: "HALTED" | "HEAD_WAITS" | "RETRIES_WAIT" };

const WAIT: Move = { kind: "WAIT" };

export function decide(s: LaneState): Move {
  if (s.placed && s.ready && s.marked > 0 && !s.halted && !s.gaveUp && s.inFlight < s.concurrency && s.leaseHolds) return { kind: "SEND" };
  if (s.busy || s.reserved > 0) return WAIT;
  if (s.halted) return s.inFlight === 0 ? { kind: "END", why: "HALTED" } : WAIT;
  const resting = s.inFlight === 0 && s.marked === 0;
  // A resend went before the head, and now the head waits again.
  if (!s.free && resting && s.buffered > 0 && s.due === 0) return { kind: "END", why: "HEAD_WAITS" };
  const enough = resting || s.free || s.room >= worthOf(s);
  const marks = s.placed && enough ? Math.max(0, Math.min(s.room, s.fitting)) : 0;
  const short = s.due > 0 && s.fitting === 0;
  const settle = s.done > 0 && (resting || s.gaveUp || short || s.done >= UNSETTLED / 2);
  if (marks > 0 || settle || (!s.leaseHolds && !resting)) return { kind: "COMMIT", marks };
  if (s.placed && s.buffered === 0 && s.more) return { kind: "READ" };
  if (s.done > 0) return { kind: "FLUSH" };
  if (!resting) return WAIT;
  if (s.placed && short) return WAIT;
  if (s.free && s.retryKnown && s.buffered === 0 && !s.more) return { kind: "END", why: "RETRIES_WAIT" };
  return { kind: "IDLE" };
}

/** Half a window at a time, so that a commit settles and marks as many as it can; less where half of it would not last. */
function worthOf({ window, perCommit }: LaneState): number {
  const half = window / 2;
  return Math.min(half, Math.max(Math.min(LEAST_MARKS, half), window - COMMITS_AHEAD * perCommit));
}

/** Moving averages of a send and of a commit, milliseconds. */
export interface Pace {
  send: number;
  commit: number;
}

/**
 * How many may be SENDING at once: as many as go out in about 50 ms or while two windows are committed, so that no receiver
 * waits for a commit. Behind one that is slow beside a commit only what is really in flight says SENDING.
 */
export function windowOf(free: boolean, concurrency: number, pace: Pace): number {
  const send = Math.max(pace.send, 0.1) / concurrency;
  const slow = pace.commit <= pace.send * COMMIT_TRIFLE;
  const ahead = slow ? 0 : Math.ceil((2 * pace.commit) / send);
  if (free) return Math.max(concurrency, Math.min(concurrency + ahead, UNSETTLED));
  return Math.min(WINDOW, Math.max(1 + ahead, Math.floor(WINDOW_MS / send)));
}

export const perCommitOf = (concurrency: number, pace: Pace): number => (pace.commit * concurrency) / Math.max(pace.send, 0.1);

/** How many more may be marked. @param unsettled answered or being settled @param ahead marked, in flight or promised */
export const roomOf = (window: number, unsettled: number, ahead: number): number =>
  Math.min(window - ahead, Math.max(UNSETTLED, window) - unsettled - ahead);
