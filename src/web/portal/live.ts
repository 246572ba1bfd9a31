/** Live updates in the portal: its cookie is good for its own path alone, so they come as server-sent events and not over the socket. */
import { stringifyDocument } from "@urql/core";
import { askSession, check, PORTAL } from "../graphql/tab.ts";
import { type PortalRow, PortalUpdates } from "./documents.ts";

export type PortalLive = "connecting" | "live" | "reconnecting";

interface Follow {
  filter: { webhookDefinitionId?: string; ids?: string[] };
  /** Go on after this cursor. */
  after: string;
  next: (row: PortalRow) => void;
  status: (status: PortalLive) => void;
  /** The cursor is too old: what happened in between must be read anew. */
  lost: () => void;
}

interface Answer {
  data?: { webhookRequestUpdated: { cursor: string; request: PortalRow } };
  errors?: unknown[];
}

const wait = (attempt: number) => Math.min(500 * 2 ** attempt, 8_000) * (0.75 + Math.random() / 2);

/** @returns ends the stream */
export function followPortal({ filter, after, next, status, lost }: Follow): () => void {
  const query = stringifyDocument(PortalUpdates);
  let cursor: string | null = after;
  let attempt = 0;
  let ended = false;
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  // Each connection is a new one from the last cursor: by itself a browser would ask for the first `after` again.
  function again() {
    source?.close();
    if (ended) return;
    status("reconnecting");
    clearTimeout(timer);
    timer = setTimeout(start, wait(attempt++));
    // A stream that is refused does not say why.
    void askSession();
  }
  async function start() {
    const mayAsk = await check().catch(() => false);
    if (ended) return;
    if (!mayAsk) return again();
    const asked = new URLSearchParams({ query, variables: JSON.stringify({ filter, after: cursor }) });
    source = new EventSource(`${PORTAL.url}?${asked}`);
    source.onopen = () => status("live");
    source.onerror = again;
    source.addEventListener("complete", again);
    source.addEventListener("next", (event) => {
      const { data, errors } = JSON.parse((event as MessageEvent<string>).data) as Answer;
      if (errors || !data) {
        // It goes on from now, and what happened in between is read by whoever is told.
        cursor = null;
        lost();
        again();
        return;
      }
      attempt = 0;
      cursor = data.webhookRequestUpdated.cursor;
      next(data.webhookRequestUpdated.request);
    });
  }
  status("connecting");
  void start();
  return () => {
    ended = true;
    clearTimeout(timer);
    source?.close();
  };
}
