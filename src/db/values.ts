/** Arrays of values as statements take them. */

/**
 * Arrays as a table for FROM, an element of each in a row. `unnest($1, $2, …)` says the same, but there Postgres opens a store of its own for
 * each array, and fills it before it reads from it: a statement of 45 empty arrays takes 193 µs, and 33 this way (docs/decisions/plans.md).
 * @param columns the parameter of each column, with its cast @param nth a column that counts rows from 1, if one is wanted: by the first array
 */
export function rowsFrom(name: string, columns: Readonly<Record<string, string>>, nth?: string): string {
  const arrays = Object.entries(columns);
  const counted = nth === undefined ? "" : `, generate_subscripts(${arrays[0]?.[1]}, 1) AS ${nth}`;
  return `(SELECT ${arrays.map(([column, array]) => `unnest(${array}) AS ${column}`).join(", ")}${counted}) AS ${name}`;
}

/** An array as one element of a text[]: arrays of arrays would have to be of one length. */
export const arrayLiteral = (items: readonly string[]): string =>
  `{${items.map((item) => `"${item.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;

/** JSON text of a value, or null. */
export const jsonOrNull = (value: unknown): string | null => (value === null || value === undefined ? null : JSON.stringify(value));

/**
 * The condition that an id lies between two, for a table that is joined with a list of keys: partitions are left out by it, but it
 * is no range to walk. `>= AND <=` is one, and a plan made while the table was empty walks it for each key ever after: with
 * 300 000 requests queued a settlement took seconds.
 * @param column such as `r.id` @param low, high parameters, such as `$3`
 */
export const idBetween = (column: string, low: string, high: string): string =>
  `${column} >= ${low}::uuid AND ${column} <= ALL (ARRAY[${high}::uuid])`;

/** The lowest and the highest of some ids, so that plans leave out partitions; equal zero ids for none. */
export function idRange(ids: readonly string[]): [lowest: string, highest: string] {
  let lowest = ids[0] ?? ZERO_ID;
  let highest = lowest;
  for (const id of ids) {
    if (id < lowest) lowest = id;
    if (id > highest) highest = id;
  }
  return [lowest, highest];
}

export const ZERO_ID = "00000000-0000-0000-0000-000000000000";
