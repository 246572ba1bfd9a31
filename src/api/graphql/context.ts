/** What a resolver is given. */
import type { Caller } from "../../accounts/caller.ts";
import { type HooklineError, UnauthenticatedError } from "../../errors.ts";
import type { Doors } from "../doors.ts";

/** How a resolver sets or clears the browser's cookies; undefined over a WebSocket. */
export interface SessionCookies {
  set(token: string, expiresAt: Date): void;
  clear(): void;
}

export interface Context {
  doors: Doors;
  /** Undefined only for signIn: everything else is refused before it gets here. */
  caller: Caller | undefined;
  /** Of the client, for the audit log and rate limits. */
  address: string | undefined;
  cookies: SessionCookies | undefined;
  /** Aborted when the client is gone, or its token no longer good: ends subscriptions. */
  signal: AbortSignal;
  /** Closes a connection that takes its updates too slowly. */
  closeSlow: () => void;
  /** Whether the client takes nothing right now: what was written to its connection waits. */
  blocked: () => boolean;
  /** What a browser that comes back to a stream of events says it had last: newer than the `after` of its URL. */
  lastEventId?: string | undefined;
  /** Told when a subscription with cursors begins. @param place up to where it has handed out everything; undefined while it hands out */
  opened?: ((place: () => string | undefined) => void) | undefined;
  /** Why a mutation is refused before it is carried out: it answers with this as with an error of its own. */
  refused?: HooklineError | undefined;
}

/** What every subscription of the feed is opened with. @param after as the client's operation says */
export function feedOptions({ lastEventId, signal, closeSlow, blocked, opened }: Context, after: string | null | undefined) {
  return { after: lastEventId ?? after, signal, onSlow: closeSlow, blocked, onOpen: opened };
}

/** @throws UnauthenticatedError */
export function callerOf(context: Context): Caller {
  if (!context.caller) throw new UnauthenticatedError();
  return context.caller;
}
