/** As root: what root makes in the folder of another user belongs to that user, who may start Hookline the next time. */
import { chownSync, statSync } from "node:fs";
import path from "node:path";

const isRoot = () => process.getuid?.() === 0;

export function giveTo(file: string, owner: { uid: number; gid: number }): void {
  if (isRoot()) chownSync(file, owner.uid, owner.gid);
}

/** Gives a new file to the owner of its folder. */
export function giveToFolder(file: string): void {
  if (isRoot()) giveTo(file, statSync(path.dirname(file)));
}
