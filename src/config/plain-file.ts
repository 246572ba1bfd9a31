/** A file that a variable names, read whole. */
import { readFileSync, statSync } from "node:fs";
import { fileReason } from "./folder.ts";

/**
 * Only plain files are read: a FIFO would hang the start.
 * @param wanted what the file should hold, such as `a secret`
 * @returns its bytes, or one sentence that says what is wrong
 */
export function readPlainFile(file: string, wanted: string, mostBytes: number): { bytes: Buffer } | { problem: string } {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) return { problem: `${file} is no plain file: name one that holds ${wanted}` };
    if (stats.size > mostBytes) return { problem: `${file} has ${stats.size} bytes: ${wanted} has at most ${mostBytes}` };
    return { bytes: readFileSync(file) };
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    return { problem: missing ? `${file} does not exist` : `${file} cannot be read: ${fileReason(error)}` };
  }
}
