/** `--cursor-file`: where a tail has come to, for the next run. */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { CliError } from "./fault.ts";

export interface CursorFile {
  /** The cursor of an earlier run. */
  readonly kept: string | undefined;
  /** Written now and then, and at once after a quiet time. */
  save(cursor: string): void;
  /** @throws CliError when the newest cursor could not be written */
  end(): Promise<void>;
}

const SAVE_EVERY_MS = 200;

/**
 * A failure ends neither the tail nor the saving: it is told when it begins, and the next save may go well.
 * @param note for people, one line
 */
export async function openCursorFile(file: string, note: (text: string) => void): Promise<CursorFile> {
  const beside = `${file}.new`;
  let newest: string | undefined;
  let isSaved = true;
  let timer: NodeJS.Timeout | undefined;
  let failure: Error | undefined;
  let writing: Promise<void> = Promise.resolve();

  /** Runs `work`, one after the other. */
  const attempt = (work: () => Promise<void>) => {
    writing = writing.then(work).then(
      () => {
        if (failure) note("the cursor file is written again");
        failure = undefined;
      },
      (error: Error) => {
        if (!failure)
          note(`the cursor file cannot be written: ${error.message}; what is shown from here on may be shown again by the next run`);
        failure = error;
      },
    );
    return writing;
  };
  const write = () => {
    isSaved = true;
    const text = newest as string;
    // Whole or not at all.
    return attempt(async () => {
      await writeFile(beside, `${text}\n`);
      await rename(beside, file);
    });
  };
  const later = () => {
    timer = setTimeout(() => {
      timer = undefined;
      if (isSaved) return;
      write();
      later();
    }, SAVE_EVERY_MS);
  };

  const kept = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    // What stands in it would be written over.
    throw new CliError(`the cursor file cannot be read: ${error.message}`, { cause: error });
  });
  // A place that never takes a cursor is told before hours of updates.
  await attempt(async () => {
    await writeFile(beside, kept);
    await rm(beside, { force: true });
  });

  return {
    kept: kept.trim() || undefined,
    save(cursor) {
      newest = cursor;
      isSaved = false;
      if (timer) return;
      write();
      later();
    },
    async end() {
      clearTimeout(timer);
      if (newest !== undefined && (!isSaved || failure)) write();
      await writing;
      if (newest !== undefined && failure) throw new CliError(`the cursor file cannot be written: ${failure.message}`, { cause: failure });
    },
  };
}
