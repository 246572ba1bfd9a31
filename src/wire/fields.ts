/** `fieldsSet`: a choice of a payload's fields by dotted path, cut out of its source text. */
import { eachElement, eachMember, stringOf, valueEnd } from "./json-text.ts";

/** CRM.COM joins paths with commas and prints them: no segment may hold what would need quoting there. */
const SEGMENT = /^[\p{L}\p{N}_$@:-]+$/u;
const MAX_PATH = 255;

/** What is wrong with a path, for people; undefined when nothing is. */
export function checkPath(path: string): string | undefined {
  if (path === "") return "must not be empty";
  if (path.length > MAX_PATH) return `must be at most ${MAX_PATH} characters`;
  for (const segment of path.split(".")) {
    if (segment === "") return `"${path}" has an empty segment; write it as customer.name`;
    if (!SEGMENT.test(segment)) return `"${segment}" is no field name: letters, digits, _ - $ @ : are allowed, and lists have no index`;
  }
  return undefined;
}

/** A node without children takes the whole value. */
type Tree = Map<string, Tree>;

/** Parsed once per list: a definition's paths are the same array for every event. */
const trees = new WeakMap<readonly string[], Tree>();

/**
 * The fields that `paths` name, nested as they were; what is absent is left out. Order, number tokens and escapes are
 * the source's; white space between chosen fields goes. A path that meets a list goes on in each of its objects.
 * No paths: the text as it is.
 */
export function pick(payload: string, paths: readonly string[]): string {
  if (paths.length === 0) return payload;
  let tree = trees.get(paths);
  if (!tree) {
    tree = plant(paths);
    trees.set(paths, tree);
  }
  return choose(payload, payload.length - payload.trimStart().length, tree).source ?? "{}";
}

function plant(paths: readonly string[]): Tree {
  const root: Tree = new Map();
  // Shorter paths first, so that `customer` is a leaf before `customer.name` looks for it.
  for (const segments of paths.map((path) => path.split(".")).sort((a, b) => a.length - b.length)) {
    let node = root;
    for (const segment of segments) {
      const known = node.get(segment);
      if (known?.size === 0) break;
      const next: Tree = known ?? new Map();
      node.set(segment, next);
      node = next;
    }
  }
  return root;
}

interface Chosen {
  /** Where the value ends in the text. */
  end: number;
  /** Undefined: nothing of it was chosen. */
  source: string | undefined;
}

/** In one pass, however deep the paths go: what no path enters is jumped over. */
function choose(text: string, from: number, tree: Tree): Chosen {
  const objects: (string | undefined)[] = [];
  const listEnd = eachElement(text, from, (_index, at) => {
    if (text[at] !== "{") return valueEnd(text, at);
    const chosen = choose(text, at, tree);
    objects.push(chosen.source);
    return chosen.end;
  });
  if (listEnd !== undefined) {
    const none = objects.every((source) => source === undefined);
    return { end: listEnd, source: none ? undefined : `[${objects.map((source) => source ?? "{}").join(",")}]` };
  }
  // By key: of duplicates the last one counts, as everywhere in JSON.
  const kept = new Map<string, string>();
  const end = eachMember(text, from, (keySource, at) => {
    const key = stringOf(keySource);
    const branch = tree.get(key);
    if (!branch) return valueEnd(text, at);
    const whole = branch.size === 0 ? valueEnd(text, at) : undefined;
    const part = whole === undefined ? choose(text, at, branch) : { end: whole, source: text.slice(at, whole) };
    if (part.source === undefined) kept.delete(key);
    else kept.set(key, `${keySource}:${part.source}`);
    return part.end;
  });
  const source = kept.size === 0 ? undefined : `{${[...kept.values()].join(",")}}`;
  return { end: end ?? valueEnd(text, from), source };
}
