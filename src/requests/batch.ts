/**
 * Rows that were read together are asked about together: what the first of a page wants (its event, its attempts) is
 * read for all of them in one statement. A page knows its siblings, so no loader per connection is needed, and every
 * subscriber of a feed batch shares one reading.
 */

/**
 * @param load reads for many rows at once; a row it leaves out has no value
 * @param slice how many rows one statement may read for: bounds memory where values are large
 */
export function batched<Row, Value>(
  rows: readonly Row[],
  load: (rows: readonly Row[]) => Promise<ReadonlyMap<Row, Value>>,
  slice = 500,
): (row: Row) => Promise<Value | undefined> {
  const places = new Map(rows.map((row, i) => [row, Math.floor(i / slice)]));
  const loads = new Map<number, Promise<ReadonlyMap<Row, Value>>>();
  return async (row) => {
    const place = places.get(row);
    if (place === undefined) throw new Error("a row was asked about outside its batch");
    let loading = loads.get(place);
    if (!loading) {
      loading = load(rows.slice(place * slice, (place + 1) * slice));
      loads.set(place, loading);
      // A failed reading is not remembered: the next who asks tries again.
      loading.catch(() => loads.delete(place));
    }
    return (await loading).get(row);
  };
}

/** For values found by an id that several rows may share. */
export function byId<Row, Value>(
  rows: readonly Row[],
  idOf: (row: Row) => string | null,
  found: ReadonlyMap<string, Value>,
): Map<Row, Value> {
  const values = new Map<Row, Value>();
  for (const row of rows) {
    const id = idOf(row);
    const value = id === null ? undefined : found.get(id);
    if (value !== undefined) values.set(row, value);
  }
  return values;
}

/** The distinct ids, nulls left out. */
export function idsOf<Row>(rows: readonly Row[], idOf: (row: Row) => string | null): string[] {
  return [...new Set(rows.map(idOf).filter((id) => id !== null))];
}
