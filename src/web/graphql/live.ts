/**
 * Live subscriptions that never lose anything: when the connection breaks they go on from the last cursor they saw, so a
 * server restart is a pause and not a gap.
 */
import type { DocumentInput } from "@urql/core";
import { stringifyDocument } from "@urql/core";
import { type Client, createClient } from "graphql-ws";

export type LiveStatus = "connecting" | "live" | "reconnecting" | "paused";

export interface Follow<Data> {
  document: DocumentInput<Data, never>;
  variables: Record<string, unknown>;
  /** Go on after this cursor; undefined: from now on. */
  after: string | undefined;
  /** Takes one update; returns its cursor. */
  next(data: Data): string;
  status(status: LiveStatus): void;
  /** The cursor is too old or unknown: what happened in between must be read anew. The subscription goes on from now. */
  lost?(): void;
}

let shared: Client | undefined;
function socket(): Client {
  shared ??= createClient({
    url: () => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/graphql`,
    lazy: true,
    lazyCloseTimeout: 3_000,
    keepAlive: 15_000,
    // Reconnecting is follow()'s: it alone knows the cursor to go on from.
    retryAttempts: 0,
  });
  return shared;
}

const wait = (attempt: number) => Math.min(500 * 2 ** attempt, 8_000) * (0.75 + Math.random() / 2);

interface Refusal {
  extensions?: { code?: string };
}

/** @returns ends the subscription */
export function follow<Data>(options: Follow<Data>): () => void {
  const query = stringifyDocument(options.document);
  let cursor = options.after;
  let attempt = 0;
  let ended = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let unsubscribe: (() => void) | undefined;

  function again() {
    if (ended) return;
    options.status("reconnecting");
    timer = setTimeout(start, wait(attempt++));
  }

  function start() {
    if (ended) return;
    let settled = false;
    unsubscribe = socket().subscribe<Data>(
      { query, variables: { ...options.variables, after: cursor ?? null } },
      {
        next(result) {
          if (ended) return;
          if (result.errors) {
            refused(result.errors as readonly Refusal[]);
            return;
          }
          attempt = 0;
          if (result.data) cursor = options.next(result.data);
        },
        error(problem) {
          settled = true;
          if (Array.isArray(problem)) refused(problem as readonly Refusal[]);
          again();
        },
        complete() {
          if (!settled) again();
        },
      },
    );
  }

  function refused(errors: readonly Refusal[]) {
    if (!errors.some((error) => error.extensions?.code === "BAD_CURSOR")) return;
    cursor = undefined;
    options.lost?.();
  }

  const off = socket().on("connected", () => {
    if (!ended) options.status("live");
  });
  const offClosed = socket().on("closed", () => {
    if (!ended) options.status("reconnecting");
  });
  options.status("connecting");
  start();
  return () => {
    ended = true;
    clearTimeout(timer);
    off();
    offClosed();
    unsubscribe?.();
    options.status("paused");
  };
}
