/** What a backup says of itself. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { MasterKey } from "../config.ts";
import { BackupFileError, type Frame } from "./frames.ts";

export const FORMAT = 1;

const header = z.object({
  format: z.number(),
  /** Of the Hookline that wrote it. */
  hookline: z.string(),
  madeAt: z.string(),
  migrations: z.array(z.string()),
  /** Of the master keys that the server had, never the keys. */
  keys: z.array(z.string()),
});
export type Header = z.infer<typeof header>;

/** Names a key without telling it. */
export function fingerprint({ key }: MasterKey): string {
  return createHash("sha256").update("hookline master key\0").update(key).digest("hex").slice(0, 16);
}

/** @throws BackupFileError */
export function headerOf(frame: Frame, file: string): Header {
  let json: unknown;
  try {
    json = JSON.parse(frame.payload.toString());
  } catch (cause) {
    throw new BackupFileError(`${file} is no backup of Hookline`, { cause });
  }
  const parsed = header.safeParse(json);
  if (!parsed.success) throw new BackupFileError(`${file} is no backup of Hookline`);
  if (parsed.data.format !== FORMAT)
    throw new BackupFileError(
      `${file} has the form ${parsed.data.format} of Hookline ${parsed.data.hookline}, which this version does not read`,
    );
  return parsed.data;
}
