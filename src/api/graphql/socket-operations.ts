/**
 * The operations of one socket, each under an id of our own. graphql-ws keeps all that it has of an operation by the client's id,
 * which the client may use again as soon as it has sent `complete`: what the old operation still did then would hit the new one,
 * and one that was completed while it was being opened would go on unseen. Here no two ever share an id, and one counts until
 * its work has ended, also when its client has lost interest.
 */
import { members } from "../../wire/json-text.ts";

/** An id that the client uses is used by an operation of its own. */
export class IdTakenError extends Error {}

export interface Operations {
  /** That the client has. */
  readonly open: number;
  /** Whose work has not ended: those, and what it gave up a moment ago. */
  readonly running: number;
  /**
   * @param text a message of the client's
   * @returns it as graphql-ws is to read it; `ended` of one that begins an operation, called once its work has ended
   * @throws IdTakenError
   */
  taken(text: string): { text: string; ended?: () => void };
  /** @returns a message of graphql-ws's as the client is to read it; undefined: of an operation that is over for it */
  shown(text: string): string | undefined;
  /** @returns the client's id, as JSON; undefined: the operation is over for it */
  nameOf(id: string): string | undefined;
}

const OURS = /^\{"id":"(o\d+)","type":"(next|error|complete)"/;

/** As the protocol says it; a client's id may be too long for the reason of a close, which takes 123 bytes. */
const taken = (id: string) =>
  new IdTakenError(Buffer.byteLength(id) < 90 ? `Subscriber for ${id} already exists` : "Subscriber already exists");

function readHead(text: string): { type?: unknown; id?: unknown } | undefined {
  try {
    const message: unknown = JSON.parse(text);
    return typeof message === "object" && message !== null ? message : undefined;
  } catch {
    return undefined;
  }
}

/** JSON of an object, from the sources of its members. */
export const objectOf = (sources: ReadonlyMap<string, string>): string =>
  `{${[...sources].map(([name, source]) => `${JSON.stringify(name)}:${source}`).join(",")}}`;

/** Of a valid text. Of members that stand twice the last counts, as for whoever parses it. */
function withId(text: string, id: string): string {
  return objectOf(new Map(members(text)).set("id", JSON.stringify(id)));
}

export function createOperations(): Operations {
  /** Ours by the client's, and back, as JSON. */
  const ids = new Map<string, string>();
  const names = new Map<string, string>();
  let made = 0;
  let running = 0;

  function forget(id: string): void {
    const name = names.get(id);
    if (name === undefined) return;
    names.delete(id);
    ids.delete(name);
  }

  return {
    get open() {
      return ids.size;
    },
    get running() {
      return running;
    },
    taken(text) {
      const { type, id } = readHead(text) ?? {};
      if (typeof id !== "string" || id === "") return { text };
      const name = JSON.stringify(id);
      if (type === "complete") {
        const ours = ids.get(name);
        if (ours !== undefined) forget(ours);
        return { text: withId(text, ours ?? "none") };
      }
      if (type !== "subscribe") return { text };
      if (ids.has(name)) throw taken(id);
      made += 1;
      const ours = `o${made}`;
      ids.set(name, ours);
      names.set(ours, name);
      running += 1;
      return {
        text: withId(text, ours),
        ended: () => {
          running -= 1;
          forget(ours);
        },
      };
    },
    shown(text) {
      const found = OURS.exec(text);
      if (!found) return text;
      const [, id = "", type] = found;
      const name = names.get(id);
      if (name === undefined) return undefined;
      // What the client reads as its end lets it use the id again.
      if (type !== "next") forget(id);
      return `{"id":${name},${text.slice(`{"id":"${id}",`.length)}`;
    },
    nameOf: (id) => names.get(id),
  };
}
