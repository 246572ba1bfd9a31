/** A checkout of this working tree in another place, as a clone: for what `npm start` does there. */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../..");

export interface Checkout {
  path: string;
  remove(): void;
}

/** @param owner of all its files, such as `nobody` */
export function checkout(name: string, owner?: string): Checkout {
  const folder = mkdtempSync(path.join(tmpdir(), `${name}-`));
  const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: ROOT }).toString().split("\0");
  for (const file of tracked) {
    if (!file || !existsSync(path.join(ROOT, file)) || /^(test|bench|docs)\//.test(file)) continue;
    cpSync(path.join(ROOT, file), path.join(folder, file));
  }
  // What `npm ci` makes.
  cpSync(path.join(ROOT, "src/db/generated"), path.join(folder, "src/db/generated"), { recursive: true });
  const packages = path.join(folder, "node_modules");
  if (owner === undefined) symlinkSync(path.join(ROOT, "node_modules"), packages);
  else {
    execFileSync("chown", ["-Rh", `${owner}:`, folder]);
    // Whoever it is may not look into the folder that this checkout lies in. Links are enough, where the file system has them.
    const from = `${path.join(ROOT, "node_modules")}/.`;
    if (spawnSync("cp", ["-al", from, packages]).status !== 0) execFileSync("cp", ["-a", from, packages]);
  }
  return { path: folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
