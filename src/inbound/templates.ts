/** What a source names in a post: a header, a place in its JSON. Pure. */
import type { Issue } from "../errors.ts";
import { compileJsonPaths } from "../wire/json-paths.ts";
import { numberSource, stringSource } from "../wire/json-text.ts";
import type { PostHeaders } from "./verification.ts";

/** What an event type or a key is taken from. */
export interface Named {
  headers: PostHeaders;
  /** JSON text. */
  payload: string;
}

export const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;
const PATH = /^[^\0{}]{1,200}$/;
const PLACE = /\{(?:(header|path):([^{}]*))?\}?/g;
const LONGEST_TEMPLATE = 255;
const MOST_PLACES = 8;
/** Of an event type, around its places. */
const LITERAL = /^[A-Za-z0-9_.-]*$/;

/** A header's text: the first where it was sent twice. */
export function headerOf(headers: PostHeaders, name: string): string | undefined {
  const key = name.toLowerCase();
  const value = Object.hasOwn(headers, key) ? headers[key] : undefined;
  return Array.isArray(value) ? value[0] : value;
}

/** A text or number at a dotted path, as it was written; undefined where there is none. `$.` may stand before it. */
export function textAt(payload: string, path: string): string | undefined {
  const dotted = path.startsWith("$.") ? path.slice(2) : path;
  const source = compileJsonPaths([dotted]).find(payload).get(dotted);
  return source === undefined ? undefined : (stringSource(source) ?? numberSource(source));
}

export function pathIssues(at: string, path: string): Issue[] {
  return PATH.test(path) ? [] : [{ path: at, message: "must be a path of at most 200 characters, such as data.id" }];
}

export function headerIssues(at: string, name: string): Issue[] {
  return HEADER_NAME.test(name) ? [] : [{ path: at, message: "must be the name of a header, such as x-github-delivery" }];
}

/** @param template such as `github.{header:x-github-event}` or `stripe.{path:type}` */
export function templateIssues(at: string, template: string): Issue[] {
  const bad = (message: string): Issue[] => [{ path: at, message }];
  if (template === "") return bad("must not be empty");
  if (template.length > LONGEST_TEMPLATE) return bad(`must have at most ${LONGEST_TEMPLATE} characters`);
  if (template.startsWith("hookline.")) return bad("must not begin with hookline., which names Hookline's own events");
  const places = [...template.matchAll(PLACE)];
  if (places.length > MOST_PLACES) return bad(`may have ${MOST_PLACES} places`);
  for (const [whole, kind, name = ""] of places) {
    const fits = kind === "header" ? HEADER_NAME.test(name) : kind === "path" && PATH.test(name);
    if (!whole.endsWith("}") || !fits)
      return bad("may hold {header:name} and {path:a.b} in braces, such as github.{header:x-github-event}");
  }
  const literal = template.replace(PLACE, "");
  if (!LITERAL.test(literal)) return bad("must be letters, digits, _ . - around its places, such as github.{header:x-github-event}");
  return places.length === 0 && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(template)
    ? bad("must be 1 to 128 letters, digits, _ . - (not first . or -), such as order.created")
    : [];
}

/** @returns the event type, not yet judged; or what is missing for it */
export function filled(template: string, post: Named): { type: string } | { missing: string } {
  let missing: string | undefined;
  const type = template.replace(PLACE, (_whole, kind: string, name: string) => {
    const value = kind === "header" ? headerOf(post.headers, name) : textAt(post.payload, name);
    if (value === undefined || value === "") missing ??= kind === "header" ? `the header ${name}` : `a text or number at ${name}`;
    return value ?? "";
  });
  return missing === undefined ? { type } : { missing };
}
