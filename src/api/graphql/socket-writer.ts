/**
 * Writes the messages of WebSockets. The live updates that one turn of the event loop has for a socket go out together: a busy
 * feed has several for each of its subscribers, and a call of the operating system costs more than making a message.
 */
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { LIVE } from "../limits.ts";

const TRY_AGAIN_LATER = 1013;
/** Who has gathered so many characters waits for the next turn, so that others have theirs. */
const GATHERED = 64 * 2 ** 10;

export interface SocketWriter {
  /** Writes at once, after what was gathered. Resolves when the bytes are on their way. */
  send(message: string): Promise<void>;
  /** Writes at the end of this turn. @returns what to wait for before the next one, so that a subscription is pulled no faster than its client takes it; undefined for nothing */
  gather(message: string): Promise<void> | undefined;
  /** Its client takes nothing right now. */
  readonly blocked: boolean;
  /** Ends it, after what was gathered. */
  close(code: number, reason: string): void;
  /** Ends it with 1013, whether its client takes the close frame or not. */
  closeSlow(): void;
}

/** @returns makes the writer of a socket; `raw` is what its frames go to */
export function createSocketWriters(): (socket: WebSocket, raw: Duplex) => SocketWriter {
  const due = new Set<() => void>();

  function atTheEnd(flush: () => void): void {
    due.add(flush);
    if (due.size > 1) return;
    setImmediate(() => {
      const flushes = [...due];
      due.clear();
      for (const each of flushes) each();
    });
  }

  return (socket, raw) => {
    let messages: string[] = [];
    let characters = 0;
    /** Of what is gathered: resolves when it is on its way. */
    let gone: PromiseWithResolvers<void> | undefined;

    function flush(): void {
      due.delete(flush);
      const [writing, told] = [messages, gone];
      [messages, characters, gone] = [[], 0, undefined];
      const last = writing.pop();
      if (last === undefined || socket.readyState !== socket.OPEN) {
        told?.resolve();
        return;
      }
      if (socket.bufferedAmount > LIVE.waitingBytes) closeSlow();
      let late: NodeJS.Timeout | undefined;
      let taken = false;
      raw.cork();
      for (const message of writing) socket.send(message);
      socket.send(last, () => {
        taken = true;
        clearTimeout(late);
        told?.resolve();
      });
      raw.uncork();
      if (socket.bufferedAmount === 0) told?.resolve();
      else if (!taken) late = setTimeout(closeSlow, LIVE.stallMs);
    }

    function put(message: string): void {
      messages.push(message);
      characters += message.length;
    }

    function departure(): Promise<void> {
      gone ??= Promise.withResolvers<void>();
      return gone.promise;
    }

    function closeSlow(): void {
      flush();
      socket.close(TRY_AGAIN_LATER, "Too slow");
      // A close frame waits behind everything the client does not take.
      setTimeout(() => socket.terminate(), 1_000).unref();
    }

    return {
      send(message) {
        put(message);
        const onItsWay = departure();
        flush();
        return onItsWay;
      },
      gather(message) {
        put(message);
        if (messages.length === 1) atTheEnd(flush);
        if (characters < GATHERED && socket.bufferedAmount === 0) return undefined;
        return departure();
      },
      get blocked() {
        return socket.bufferedAmount > 0;
      },
      close(code, reason) {
        flush();
        socket.close(code, reason);
      },
      closeSlow,
    };
  };
}
