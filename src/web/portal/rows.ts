/** The requests of one webhook that are loaded, newest first: rows are in the order of their ids. Pure. */
import type { PortalRow } from "./documents.ts";

export interface LoadedRows {
  rows: PortalRow[];
  /** Where the next page begins; null: the last row is the oldest that there is. */
  older: string | null;
}

/** An update: a row that is there is replaced, a new one is put in its place. One below the last comes with its page. */
export function withRow({ rows, older }: LoadedRows, row: PortalRow): LoadedRows {
  const known = rows.findIndex((each) => each.id === row.id);
  if (known !== -1) return { rows: rows.with(known, row), older };
  const at = rows.findIndex((each) => each.id < row.id);
  if (at !== -1) return { rows: rows.toSpliced(at, 0, row), older };
  return older === null ? { rows: [...rows, row], older } : { rows, older };
}

/** A page of older ones, and what came live while it was on its way: that may be newer than what the page says. */
export function withPage({ rows }: LoadedRows, page: LoadedRows, meanwhile: readonly PortalRow[]): LoadedRows {
  const there = new Set(rows.map((row) => row.id));
  const all = { rows: [...rows, ...page.rows.filter((row) => !there.has(row.id))], older: page.older };
  return meanwhile.reduce(withRow, all);
}
