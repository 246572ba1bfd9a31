/** The data folder and what Hookline keeps in it, looked at before anything starts. */
import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import { fileReason, openFolder } from "./folder.ts";

/** Undefined when there is none. */
function readKept(file: string): { text: string } | { problem: string } | undefined {
  try {
    const stats = statSync(file, { throwIfNoEntry: false });
    if (!stats) return undefined;
    if (!stats.isFile()) return { problem: `${file} is no plain file: move it away` };
    return { text: readFileSync(file, "utf8").trim() };
  } catch (error) {
    return { problem: `${file} cannot be read: ${fileReason(error)}` };
  }
}

/** Makes the folder when it is missing. @returns mistakes, without the variable */
export function placeProblems(dataDir: string, given: { masterKey: boolean; adminToken: boolean }): string[] {
  const opened = openFolder(dataDir);
  if (opened.problem !== undefined) return [opened.problem];
  const problems: string[] = [];
  const key = given.masterKey ? undefined : readKept(path.join(opened.path, "master.key"));
  if (key && "problem" in key) problems.push(key.problem);
  else if (key && !/^[A-Za-z0-9+/]{43}=$/.test(key.text)) {
    problems.push(
      `${path.join(opened.path, "master.key")} holds no key (base64 of 32 bytes): bring the file back from a backup, or set HOOKLINE_MASTER_KEY to what it held`,
    );
  }
  const token = given.adminToken ? undefined : readKept(path.join(opened.path, "admin.token"));
  if (token && "problem" in token) problems.push(token.problem);
  return problems;
}
