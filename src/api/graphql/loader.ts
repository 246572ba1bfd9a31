/** What many resolvers of one operation ask for in the same turn is read in one statement. Nothing is kept afterwards. */
import type { Context } from "./context.ts";

interface Batch<Value> {
  ids: Set<string>;
  found: Promise<ReadonlyMap<string, Value>>;
}

/**
 * For what is asked for in different ways, such as pages of one list by id: those of one way are read together.
 * @param load reads for many ids at once; an id it leaves out has no value
 */
export function loaderBy<Way, Value>(
  load: (context: Context, ids: string[], way: Way) => Promise<ReadonlyMap<string, Value>>,
): (context: Context, id: string, way: Way) => Promise<Value | undefined> {
  const operations = new WeakMap<Context, Map<string, Batch<Value>>>();
  return async (context, id, way) => {
    const batches = operations.get(context) ?? new Map<string, Batch<Value>>();
    operations.set(context, batches);
    const key = JSON.stringify([way]);
    let batch = batches.get(key);
    if (!batch) {
      const ids = new Set<string>();
      const found = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        batches.delete(key);
        return load(context, [...ids], way);
      });
      batch = { ids, found };
      batches.set(key, batch);
    }
    batch.ids.add(id);
    return (await batch.found).get(id);
  };
}

/** @param load reads for many ids at once; an id it leaves out has no value */
export function loader<Value>(
  load: (context: Context, ids: string[]) => Promise<ReadonlyMap<string, Value>>,
): (context: Context, id: string) => Promise<Value | undefined> {
  const read = loaderBy<undefined, Value>(load);
  return (context, id) => read(context, id, undefined);
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
