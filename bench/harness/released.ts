/** Commit 357844b as a whole, to be measured beside the present tree: its files out of git, with the packages of this tree. */
import { execFile } from "node:child_process";
import { access, mkdir, symlink } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./process.ts";

const COMMIT = "357844b";
const run = promisify(execFile);

/** @returns its folder; undefined where the history is not there (a shallow clone, an archive) */
export async function releasedTree(): Promise<string | undefined> {
  const folder = path.join(import.meta.dirname, "../results", COMMIT);
  if (
    await access(path.join(folder, "dist/web")).then(
      () => true,
      () => false,
    )
  )
    return folder;
  const exists = await run("git", ["cat-file", "-e", `${COMMIT}^{commit}`], { cwd: ROOT }).then(
    () => true,
    () => false,
  );
  if (!exists) return undefined;
  await mkdir(folder, { recursive: true });
  await run("bash", ["-c", `git archive ${COMMIT} | tar -x -C "$1"`, "bash", folder], {
    cwd: ROOT,
  });
  await symlink(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"), "dir").catch(() => undefined);
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath };
  await run(path.join(ROOT, "node_modules/.bin/prisma"), ["generate"], { cwd: folder, env });
  await buildDashboard(folder);
  return folder;
}

/** Beforehand: the server would do it in its first seconds, which are measured. */
export async function buildDashboard(tree: string): Promise<void> {
  await run(process.execPath, ["scripts/build-web.ts"], { cwd: tree });
}
