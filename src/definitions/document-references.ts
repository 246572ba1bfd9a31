/**
 * What references of a document stand for: by JSON Pointer, by `$anchor`, by `$id`. Nothing outside of it is looked up. What is
 * read of it, however often the same, is counted: references multiply what a document holds. Pure.
 */
import { isRawNumber } from "../wire/json-exact.ts";
import { isPlainObject } from "./text.ts";

export type Tree = Record<string, unknown>;

/** Reading the document ends: what it says with its references is too much. */
export class TooMuchError extends Error {}

/** Values and names that one document may have read, each as often as references lead to it; a second or two. */
const MOST_READ = 2_000_000;
/** A text of so many counts as one more value. */
const CHARACTERS_A_VALUE = 64;

export interface References {
  /** Counts a value, without what is in it, as read. @throws TooMuchError */
  read(value: unknown): void;
  /** The same with all that is in it. */
  readWhole(value: unknown): void;
  /** What stands at `#/…` of the document; undefined: nothing. @throws Error for escapes that are none */
  at(pointer: string): unknown;
  /** The same in one schema of it. */
  within(schema: unknown, pointer: string): unknown;
  /** The pointer of what an anchor (`#name`, of that schema first) or an `$id` names. */
  named(ref: string, schema: unknown): string | undefined;
  /** Whether a `$dynamicRef` is to a `$dynamicAnchor`: it stays as it is. */
  isDynamic(ref: string): boolean;
  /** A segment of a pointer as the key that it stands for. */
  nameOf(segment: string): string;
}

function nameOf(segment: string): string {
  try {
    return decodeURIComponent(segment).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    throw new Error(`$ref: ${JSON.stringify(segment)} has a % that is no escape; write it as %25`);
  }
}

const child = (tree: unknown, key: string): unknown =>
  (isPlainObject(tree) || Array.isArray(tree)) && Object.hasOwn(tree, key) ? (tree as Tree)[key] : undefined;

/** Nothing of a document stands deeper. */
const MOST_SEGMENTS = 100;

function follow(tree: unknown, pointer: string): unknown {
  const segments = pointer.slice(2).split("/", MOST_SEGMENTS + 1);
  return segments.length > MOST_SEGMENTS ? undefined : segments.map(nameOf).reduce(child, tree);
}

interface Anchor {
  pointer: string;
  dynamic: boolean;
}

interface Names {
  anchors: Map<string, Anchor[]>;
  ids: Map<string, string>;
  pointers: Map<unknown, string>;
}

/** Looked for once, when the first anchor or `$id` is asked for. */
function namesIn(document: Tree): Names {
  const anchors = new Map<string, Anchor[]>();
  const ids = new Map<string, string>();
  const pointers = new Map<unknown, string>();
  const walk = (value: unknown, pointer: string): void => {
    if (typeof value !== "object" || value === null || isRawNumber(value)) return;
    pointers.set(value, pointer);
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== "string") walk(inner, `${pointer}/${encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))}`);
      else if (key === "$id" && !ids.has(inner)) ids.set(inner, pointer);
      else if (key === "$anchor" || key === "$dynamicAnchor") {
        const same = anchors.get(inner) ?? [];
        anchors.set(inner, same);
        same.push({ pointer, dynamic: key !== "$anchor" });
      }
    }
  };
  walk(document, "#");
  return { anchors, ids, pointers };
}

export function createReferences(document: Tree): References {
  let found: Names | undefined;
  const names = () => (found ??= namesIn(document));
  let count = 0;

  function read(value: unknown): void {
    count += 1 + (typeof value === "string" ? Math.floor(value.length / CHARACTERS_A_VALUE) : 0);
    if (count > MOST_READ) throw new TooMuchError(`says, with what its references lead to, more than ${MOST_READ} values and names`);
  }

  function readWhole(value: unknown): void {
    read(value);
    if (typeof value !== "object" || value === null || isRawNumber(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      read(key);
      readWhole(inner);
    }
  }

  function named(ref: string, schema: unknown): string | undefined {
    const { anchors, ids, pointers } = names();
    const hash = ref.indexOf("#");
    const [uri, fragment] = hash < 0 ? [ref, ""] : [ref.slice(0, hash), ref.slice(hash + 1)];
    const base = uri === "" ? pointers.get(schema) : ids.get(uri);
    if (uri !== "" && base === undefined) return undefined;
    if (fragment === "") return base;
    if (fragment.startsWith("/")) return `${base}${fragment}`;
    const same = anchors.get(fragment) ?? [];
    for (const each of same) read(each.pointer);
    return (same.find(({ pointer }) => base !== undefined && `${pointer}/`.startsWith(`${base}/`)) ?? (uri === "" ? same[0] : undefined))
      ?.pointer;
  }

  return {
    read,
    readWhole,
    at: (pointer) => (pointer === "#" ? document : follow(document, pointer)),
    within: follow,
    named,
    isDynamic: (ref) => ref.startsWith("#") && (names().anchors.get(ref.slice(1)) ?? []).some(({ dynamic }) => dynamic),
    nameOf,
  };
}
