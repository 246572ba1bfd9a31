/** A socket that was opened and checked, with HTTP on it. */
import type { Socket } from "node:net";
import type { buildConnector, Client } from "undici";
import type { Clock } from "../clock.ts";
import type { Target } from "./call.ts";
import type { HeadWatch } from "./head-watch.ts";
import type { Pool, Pooled } from "./pool.ts";

/** HTTP for an origin, over what `connect` gives. */
export type HttpOver = (origin: string, connect: buildConnector.connector) => Client;

export class ConnectionGone extends Error {
  constructor() {
    super("the connection was closed while it was idle");
  }
}

/** It has this one socket for life: the HTTP client is never let to connect by itself. */
export class Connection implements Pooled {
  readonly key: string;
  readonly client: Client;
  /** Sees what comes until the head of a reply is complete. */
  watch: HeadWatch | undefined;
  /** The event loop has turned since its last reply. */
  isRested = true;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #usableUntil: number;

  /** @param life.usableUntil monotonic milliseconds: no call begins on it later */
  constructor(target: Target, socket: Socket, httpOver: HttpOver, life: { pool: Pool<Connection>; clock: Clock; usableUntil: number }) {
    this.key = target.key;
    this.#socket = socket;
    this.#clock = life.clock;
    this.#usableUntil = life.usableUntil;
    let given = false;
    this.client = httpOver(target.origin, (_options, callback) => {
      const usable = !given && !socket.destroyed;
      given = true;
      queueMicrotask(() => (usable ? callback(null, socket) : callback(new ConnectionGone(), null)));
    });
    socket.once("close", () => life.pool.forget(this));
    const read = socket.read.bind(socket);
    socket.read = (size?: number) => {
      const chunk: Buffer | null = read(size);
      if (chunk !== null) this.watch?.add(chunk);
      return chunk;
    };
  }

  /** One with bytes of a call that was answered before they were written would hold the next call up behind them. */
  alive(): boolean {
    const { destroyed, readableEnded, writableLength } = this.#socket;
    return !destroyed && !readableEnded && writableLength === 0 && this.#clock.monotonic() < this.#usableUntil;
  }

  /** Its reply has come. */
  rest(): void {
    this.isRested = false;
    setImmediate(this.#rested);
  }

  readonly #rested = (): void => {
    this.isRested = true;
  };

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Resolves on `event`; rejects when the socket fails or closes first. */
export function opened(socket: Socket, event: "connect" | "secureConnect", below?: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    // Stays on for life: an error event nobody listens to would end the process.
    socket.on("error", reject);
    below?.on("error", reject);
    socket.once("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
  });
}
