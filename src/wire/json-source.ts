/**
 * JSON inside of an answer as it was written: not one of its numbers is made into an object, however many there are.
 * `JSON.stringify` writes it as a marked string, which `withSources` puts back into the text. Pure.
 */
import { MARK } from "./json-exact.ts";
import { compact, stringEnd } from "./json-text.ts";

export class JsonSource {
  readonly #text: string;

  /** @param text valid JSON */
  constructor(text: string) {
    // A line break would end the `data:` of a server-sent event.
    this.#text = /[\n\r]/.test(text) ? compact(text) : text;
  }

  /** As it was written. */
  get text(): string {
    return this.#text;
  }

  /** Characters of the text. */
  get length(): number {
    return this.#text.length;
  }

  toJSON(): string {
    return MARK + this.#text;
  }
}

/** Whatever leaves the process passes here once. @param body of `JSON.stringify`, as a whole */
export function withSources(body: string): string {
  let at = body.indexOf(`"${MARK}`);
  if (at < 0) return body;
  const parts: string[] = [];
  let kept = 0;
  while (at >= 0) {
    const end = stringEnd(body, at);
    parts.push(body.slice(kept, at), (JSON.parse(body.slice(at, end)) as string).slice(MARK.length));
    kept = end;
    at = body.indexOf(`"${MARK}`, end);
  }
  return parts.join("") + body.slice(kept);
}
