/** What many resolvers of one operation ask for in the same turn is read in one statement. Nothing is kept afterwards. */
import type { Context } from "./context.ts";

interface Batch<Value> {
  ids: Set<string>;
  found: Promise<ReadonlyMap<string, Value>>;
}

/** @param load reads for many ids at once; an id it leaves out has no value */
export function loader<Value>(
  load: (context: Context, ids: string[]) => Promise<ReadonlyMap<string, Value>>,
): (context: Context, id: string) => Promise<Value | undefined> {
  const batches = new WeakMap<Context, Batch<Value>>();
  return async (context, id) => {
    let batch = batches.get(context);
    if (!batch) {
      const ids = new Set<string>();
      const found = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        batches.delete(context);
        return load(context, [...ids]);
      });
      batch = { ids, found };
      batches.set(context, batch);
    }
    batch.ids.add(id);
    return (await batch.found).get(id);
  };
}

/** For rows that have an id. */
export function byId<Row extends { id: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.id, row]));
}

/** In the order asked for, null where there is none: what node(id) wants. */
export function inOrder<Row extends { id: string }>(ids: readonly string[], rows: readonly Row[]): (Row | null)[] {
  const found = byId(rows);
  return ids.map((id) => found.get(id) ?? null);
}
