/** What references of a document stand for: by JSON Pointer, by `$anchor`, by `$id`. Nothing outside of it is looked up. Pure. */
import { isRawNumber } from "../wire/json-exact.ts";
import { isPlainObject } from "./text.ts";

export type Tree = Record<string, unknown>;

export interface References {
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

const follow = (tree: unknown, pointer: string): unknown => pointer.slice(2).split("/").map(nameOf).reduce(child, tree);

interface Anchor {
  name: string;
  pointer: string;
  dynamic: boolean;
}

/** Looked for once, when the first anchor or `$id` is asked for. */
function namesIn(document: Tree): { anchors: Anchor[]; ids: Map<string, string>; pointers: Map<unknown, string> } {
  const anchors: Anchor[] = [];
  const ids = new Map<string, string>();
  const pointers = new Map<unknown, string>();
  const walk = (value: unknown, pointer: string): void => {
    if (typeof value !== "object" || value === null || isRawNumber(value)) return;
    pointers.set(value, pointer);
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== "string") walk(inner, `${pointer}/${encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))}`);
      else if (key === "$id" && !ids.has(inner)) ids.set(inner, pointer);
      else if (key === "$anchor" || key === "$dynamicAnchor") anchors.push({ name: inner, pointer, dynamic: key !== "$anchor" });
    }
  };
  walk(document, "#");
  return { anchors, ids, pointers };
}

export function createReferences(document: Tree): References {
  let found: ReturnType<typeof namesIn> | undefined;
  const names = () => (found ??= namesIn(document));

  function named(ref: string, schema: unknown): string | undefined {
    const { anchors, ids, pointers } = names();
    const hash = ref.indexOf("#");
    const [uri, fragment] = hash < 0 ? [ref, ""] : [ref.slice(0, hash), ref.slice(hash + 1)];
    const base = uri === "" ? pointers.get(schema) : ids.get(uri);
    if (uri !== "" && base === undefined) return undefined;
    if (fragment === "") return base;
    if (fragment.startsWith("/")) return `${base}${fragment}`;
    const same = anchors.filter(({ name }) => name === fragment);
    return (same.find(({ pointer }) => base !== undefined && `${pointer}/`.startsWith(`${base}/`)) ?? (uri === "" ? same[0] : undefined))
      ?.pointer;
  }

  return {
    at: (pointer) => (pointer === "#" ? document : follow(document, pointer)),
    within: follow,
    named,
    isDynamic: (ref) => ref.startsWith("#") && names().anchors.some(({ name, dynamic }) => dynamic && name === ref.slice(1)),
    nameOf,
  };
}
