/**
 * Live subscriptions that never lose anything: when the connection breaks they go on from the last cursor they saw, so a
 * server restart is a pause and not a gap.
 */
import type { DocumentInput } from "@urql/core";
import { stringifyDocument } from "@urql/core";
import { socket } from "./socket.ts";
import { askSession, check, over } from "./tab.ts";

export type LiveStatus = "connecting" | "live" | "reconnecting" | "paused";

export interface Follow<Data> {
  document: DocumentInput<Data, never>;
  variables: Record<string, unknown>;
  /** Go on after this cursor; undefined: from now on. */
  after: string | undefined;
  /** Takes one update; returns its cursor. */
  next(data: Data): string;
  status(status: LiveStatus): void;
  /**
   * The cursor is too old or unknown: what happened in between must be read anew.
   * @returns the cursor to go on from, of when that was read; undefined: from now
   */
  lost?(): Promise<string | undefined> | undefined;
}

/** Milliseconds before the next try: soon at first, since the page says "Live" within three seconds of being so. */
const wait = (attempt: number) => Math.min(500 * 2 ** attempt, 2_500) * (0.75 + Math.random() / 4);

interface Refusal {
  extensions?: { code?: string };
}

/** @returns ends the subscription */
export function follow<Data>(options: Follow<Data>): () => void {
  const query = stringifyDocument(options.document);
  const { client, live, watch } = socket();
  let cursor = options.after;
  let attempt = 0;
  let ended = false;
  /** The subscription stands, as far as the server has said. */
  let standing = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unsubscribe: (() => void) | undefined;
  let told: LiveStatus | undefined;

  function tell(status: LiveStatus) {
    if (status === told) return;
    told = status;
    options.status(status);
  }

  function again() {
    if (ended) return;
    standing = false;
    tell("reconnecting");
    clearTimeout(timer);
    timer = setTimeout(start, wait(attempt++));
    if (attempt > 1) void askSession();
  }

  async function start() {
    const may = await check().catch(() => false);
    if (ended) return;
    if (!may) return again();
    standing = true;
    let settled = false;
    unsubscribe = client.subscribe<Data>(
      { query, variables: { ...options.variables, after: cursor ?? null } },
      {
        next(result) {
          if (ended) return;
          if (result.errors) {
            settled = true;
            void refused(result.errors as readonly Refusal[]);
            return;
          }
          attempt = 0;
          if (result.data) cursor = options.next(result.data);
        },
        error(problem) {
          if (settled) return;
          settled = true;
          if (Array.isArray(problem)) void refused(problem as readonly Refusal[]);
          else again();
        },
        complete() {
          if (!settled) again();
        },
      },
    );
    if (live()) tell("live");
  }

  /** The server will not go on with this subscription: each reason has its own way on. */
  async function refused(errors: readonly Refusal[]) {
    if (ended) return;
    unsubscribe?.();
    const codes = errors.map((error) => error.extensions?.code);
    if (codes.includes("UNAUTHENTICATED")) over();
    if (codes.includes("BAD_CURSOR")) {
      standing = false;
      tell("reconnecting");
      cursor = await options.lost?.();
    }
    again();
  }

  const unwatch = watch((isLive) => {
    if (ended) return;
    if (!isLive) tell("reconnecting");
    else if (standing) tell("live");
  });
  tell("connecting");
  void start();
  return () => {
    ended = true;
    clearTimeout(timer);
    unwatch();
    unsubscribe?.();
    options.status("paused");
  };
}
