/** Rows as lines: CSV (RFC 4180), or NDJSON. Pure. */

export type Cell = string | number | boolean | null | readonly (string | number)[];
export type Line = Readonly<Record<string, Cell>>;
export type Format = "csv" | "ndjson";

export const MEDIA_TYPES = { csv: "text/csv; charset=utf-8", ndjson: "application/x-ndjson; charset=utf-8" } as const;

/** A spreadsheet would run it: https://owasp.org/www-community/attacks/CSV_Injection */
const FORMULA = /^[=+\-@\t\r]/;

function csvCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number" || typeof cell === "boolean") return String(cell);
  const text = typeof cell === "string" ? cell : cell.join(" ");
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const csvLine = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(",")}\r\n`;

/** What comes before the first row. */
export const headOf = (format: Format, columns: readonly string[]): string => (format === "csv" ? csvLine(columns) : "");

export const textOf = (format: Format, lines: readonly Line[]): string =>
  lines.map((line) => (format === "csv" ? csvLine(Object.values(line)) : `${JSON.stringify(line)}\n`)).join("");
