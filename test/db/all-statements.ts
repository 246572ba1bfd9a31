/** Every statement of the hot path, found in the sql/ folders. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { RowShape, Statement } from "../../src/db/statement.ts";

const SRC = path.resolve(import.meta.dirname, "../../src");

export type AnyStatement = Statement<RowShape>;
const isStatement = (value: unknown): value is AnyStatement =>
  typeof value === "object" && value !== null && "name" in value && "text" in value && "row" in value && "rows" in value;

export async function allStatements(): Promise<{ file: string; statement: AnyStatement }[]> {
  const found: { file: string; statement: AnyStatement }[] = [];
  const files = (await readdir(SRC, { recursive: true })).filter(
    (file) => /(^|\/)(sql\/[a-z-]+|db\/epoch)\.ts$/.test(file) && !file.includes("generated"),
  );
  for (const file of files.sort()) {
    const module = (await import(/* @vite-ignore */ pathToFileURL(path.join(SRC, file)).href)) as Record<string, unknown>;
    for (const value of Object.values(module)) if (isStatement(value)) found.push({ file, statement: value });
  }
  return found;
}
