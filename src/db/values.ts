/** Values as statements over `unnest` take them. */

/** An array as one element of a text[]: arrays of arrays would have to be of one length. */
export const arrayLiteral = (items: readonly string[]): string =>
  `{${items.map((item) => `"${item.replace(/[\\"]/g, "\\$&")}"`).join(",")}}`;

/** JSON text of a value, or null. */
export const jsonOrNull = (value: unknown): string | null => (value === null || value === undefined ? null : JSON.stringify(value));

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
