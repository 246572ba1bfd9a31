/** `$select` (S4): what is not listed stays in its place, with null. */

type Tree = Map<string, Tree>;

/** @param list comma-separated, in any case, nested by `/`; undefined or empty: everything */
export function select<T extends object>(value: T, list: string | undefined): T {
  const paths = (list ?? "").split(",").map((path) => path.trim().toLowerCase());
  const tree: Tree = new Map();
  for (const path of paths.filter((each) => each !== "")) {
    let node = tree;
    for (const segment of path.split("/")) {
      const next = node.get(segment) ?? new Map();
      node.set(segment, next);
      node = next;
    }
  }
  return tree.size === 0 ? value : (prune(value, tree) as T);
}

function prune(value: object, tree: Tree): object {
  const entries = Object.entries(value).map(([key, inner]: [string, unknown]) => {
    const branch = tree.get(key.toLowerCase());
    if (branch === undefined) return [key, null];
    const isObject = typeof inner === "object" && inner !== null && !Array.isArray(inner);
    return [key, branch.size > 0 && isObject ? prune(inner, branch) : inner];
  });
  return Object.fromEntries(entries);
}
