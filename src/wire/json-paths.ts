/**
 * The values at many dotted paths, as they are written, found in one pass over the text: what no path enters is jumped
 * over, what many paths enter is entered once. A payload of a megabyte costs its length, however many paths there are.
 */
import { eachElement, eachMember, stringOf, valueEnd } from "./json-text.ts";

export interface JsonPaths {
  /** @param text JSON. @returns each path's value; what is missing is not in it */
  find(text: string): Map<string, string>;
  /** How many values are looked for, and looked into: what it costs to keep. */
  readonly places: number;
}

interface Node {
  /** The path that ends here. */
  path: string | undefined;
  below: Map<string, Node>;
  elements: Map<number, Node>;
  /** Where the value was last seen, and in which value of the node above: of a key that stands twice the last one counts. */
  from: number;
  to: number;
  within: number;
}

const INDEX = /^(?:0|[1-9]\d{0,8})$/;
const newNode = (): Node => ({ path: undefined, below: new Map(), elements: new Map(), from: -1, to: -1, within: -1 });

/** @param paths through objects by name, and through lists by index */
export function compileJsonPaths(paths: Iterable<string>): JsonPaths {
  const root = newNode();
  const all: Node[] = [root];
  for (const path of paths) {
    let node = root;
    for (const name of path.split(".")) {
      let next = node.below.get(name);
      if (!next) {
        next = newNode();
        all.push(next);
        node.below.set(name, next);
        if (INDEX.test(name)) node.elements.set(Number(name), next);
      }
      node = next;
    }
    node.path = path;
  }
  return {
    places: all.length,
    find(text) {
      for (const node of all) node.from = node.to = node.within = -1;
      pass(text, text.length - text.trimStart().length, root, 0);
      const found = new Map<string, string>();
      collect(text, root, found);
      return found;
    },
  };
}

/** @returns where the value ends */
function pass(text: string, from: number, node: Node, within: number): number {
  node.from = from;
  node.within = within;
  node.to = node.below.size === 0 ? valueEnd(text, from) : inside(text, from, node);
  return node.to;
}

function inside(text: string, from: number, node: Node): number {
  const next = (child: Node | undefined, at: number) => (child ? pass(text, at, child, from) : valueEnd(text, at));
  return (
    eachMember(text, from, (keySource, at) => next(node.below.get(stringOf(keySource)), at)) ??
    eachElement(text, from, (index, at) => next(node.elements.get(index), at)) ??
    valueEnd(text, from)
  );
}

function collect(text: string, node: Node, found: Map<string, string>): void {
  if (node.path !== undefined) found.set(node.path, text.slice(node.from, node.to));
  for (const child of node.below.values()) if (child.from >= 0 && child.within === node.from) collect(text, child, found);
}
