/** Live subscriptions as clients open them: graphql-ws and SSE. */
import { createClient as createSseClient } from "graphql-sse";
import { type Client, createClient } from "graphql-ws";
import WebSocket from "ws";
import type { TestServer } from "./app.ts";

export interface Update {
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by its expectations
  data?: any;
  errors?: readonly { message: string; extensions?: { code?: string } }[];
}

export interface Subscription {
  /** What arrived so far. */
  readonly updates: Update[];
  /** @throws when they do not come within 10 s, or the stream ends before */
  take(count: number): Promise<Update[]>;
  /** Resolves with what ended it. */
  readonly ended: Promise<unknown>;
  close(): void;
}

export function socketClient(server: Pick<TestServer, "url">, token: string): Client {
  return createClient({
    url: `${server.url.replace("http", "ws")}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
    lazy: true,
  });
}

interface Sink {
  next(update: Update): void;
  error(error: unknown): void;
  complete(): void;
}

function collect(subscribe: (sink: Sink) => () => void, onClose: () => void = () => undefined): Subscription {
  const updates: Update[] = [];
  const waiting = new Set<() => void>();
  const end = Promise.withResolvers<unknown>();
  let over: { reason: unknown } | undefined;
  const tell = () => {
    for (const check of waiting) check();
  };
  const finish = (reason: unknown) => {
    over = { reason };
    end.resolve(reason);
    tell();
  };
  const stop = subscribe({
    next: (update) => {
      updates.push(update);
      tell();
    },
    error: finish,
    complete: () => finish(undefined),
  });
  return {
    updates,
    ended: end.promise,
    take: (count) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => settle(new Error(`${updates.length} of ${count} updates came: ${JSON.stringify(updates)}`)), 10_000);
        const settle = (error?: Error) => {
          clearTimeout(late);
          waiting.delete(check);
          if (error) reject(error);
          else resolve(updates.slice(0, count));
        };
        const check = () => {
          if (updates.length >= count) settle();
          else if (over) settle(new Error(`the stream ended after ${JSON.stringify(updates)}: ${JSON.stringify(over.reason)}`));
        };
        waiting.add(check);
        check();
      }),
    close() {
      stop();
      onClose();
    },
  };
}

export function overSocket(
  server: Pick<TestServer, "url">,
  token: string,
  query: string,
  variables: Record<string, unknown> = {},
): Subscription {
  const client = socketClient(server, token);
  return collect(
    (sink) => client.subscribe({ query, variables }, sink as never),
    () => void client.dispose(),
  );
}

export function overSse(
  server: Pick<TestServer, "url">,
  token: string,
  query: string,
  variables: Record<string, unknown> = {},
): Subscription {
  const client = createSseClient({ url: `${server.url}/graphql`, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });
  return collect(
    (sink) => client.subscribe({ query, variables }, sink as never),
    () => client.dispose(),
  );
}
