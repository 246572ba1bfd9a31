/** A plain list: columns on a wide screen, one block per row on a phone. */
import type { ReactNode } from "react";
import classes from "./table.module.css";

export interface Column<Row> {
  head: ReactNode;
  /** For the phone's labels when `head` is no text, and for empty heads. */
  label?: string;
  cell: (row: Row) => ReactNode;
  align?: "right";
  /** CSS width. */
  width?: string | number;
  /** Left out on a phone. */
  wideOnly?: boolean;
}

interface TableProps<Row> {
  label: string;
  rows: readonly Row[];
  columns: Column<Row>[];
  keyOf: (row: Row) => string;
  /** What a click on the row opens; the row still needs a link or button for the keyboard. */
  open?: (row: Row) => void;
  dim?: (row: Row) => boolean;
}

export function DataTable<Row>({ label, rows, columns, keyOf, open, dim }: TableProps<Row>) {
  return (
    <div className={classes["frame"]}>
      <table className={classes["table"]} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: the columns of a table do not move
              <th key={index} data-align={column.align} style={{ width: column.width }} scope="col">
                {column.head === "" ? <span className={classes["hidden"]}>{column.label}</span> : column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={keyOf(row)}
              data-open={open ? true : undefined}
              data-dim={dim?.(row) || undefined}
              onClick={(event) => {
                if (open && !(event.target as HTMLElement).closest("a, button, input, label") && !getSelection()?.toString()) open(row);
              }}
            >
              {columns.map((column, index) => (
                <td
                  // biome-ignore lint/suspicious/noArrayIndexKey: as above
                  key={index}
                  data-align={column.align}
                  data-wide={column.wideOnly || undefined}
                  data-place={typeof column.head !== "string" ? "select" : column.label === "Actions" ? "actions" : undefined}
                  data-label={(column.label ?? (typeof column.head === "string" ? column.head : "")) || undefined}
                >
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
