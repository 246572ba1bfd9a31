/** What a resolver is given. */
import type { Caller } from "../../accounts/caller.ts";
import { UnauthenticatedError } from "../../errors.ts";
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
}

/** @throws UnauthenticatedError */
export function callerOf(context: Context): Caller {
  if (!context.caller) throw new UnauthenticatedError();
  return context.caller;
}
