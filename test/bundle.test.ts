/** dist/server in a copy of the tree: the bundle runs as long as it is of the sources that stand there, and then these do. */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");
const WEB = path.join(ROOT, "src/web");
let tree: string;

const node = (...args: string[]) => promisify(execFile)(process.execPath, args, { cwd: tree });

beforeAll(async () => {
  tree = await mkdtemp(path.join(tmpdir(), "hookline-bundle-"));
  for (const name of ["src", "bin", "scripts", "package.json", "package-lock.json"])
    await cp(path.join(ROOT, name), path.join(tree, name), { recursive: true, filter: (from) => !from.startsWith(WEB) });
  await symlink(path.join(ROOT, "node_modules"), path.join(tree, "node_modules"));
});
afterAll(() => rm(tree, { recursive: true, force: true }));

test("the command line comes from the bundle; changed sources run themselves", async () => {
  const ask = async (...args: string[]) => {
    const { stdout, stderr } = await node("bin/hookline.js", ...args);
    return { stdout, bundled: stderr === "bundled\n" };
  };
  const version = await ask("--version");
  expect(version.bundled).toBe(false);
  expect((await node("scripts/build-server.ts")).stdout).toMatch(/^server bundled in/);
  const entry = path.join(tree, "dist/server/cli.js");
  await writeFile(entry, `process.stderr.write("bundled\\n");\n${await readFile(entry, "utf8")}`);
  expect(await ask("--version")).toEqual({ ...version, bundled: true });

  await utimes(path.join(tree, "src/serve.ts"), new Date(), new Date(Date.now() + 5_000));
  expect(await ask("--version")).toEqual(version);
});
