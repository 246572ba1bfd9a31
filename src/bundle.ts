/**
 * The server in a few files instead of 2 600, made by `npm ci` (scripts/build-server.ts): reading modules one by one is most of a
 * start. What was made of other sources than stand here is left alone, and the sources run instead: a change needs no build.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const BUNDLE = join(ROOT, "dist/server");
/** What Node makes of the files that it loads, kept for the next start. */
export const COMPILED = join(ROOT, "node_modules/.cache/hookline");
/** Names what a bundle was made of. */
export const BUILT_FROM = "built-from";

/** What is loaded from outside, by its place in src. */
export const ENTRIES = ["app", "cli", "cluster/link", "serve"] as const;

export const fileOf = (entry: string): string => `${entry.replace("/", "-")}.js`;

/** Of names, sizes and times of the sources, in seconds: an image's layers keep no more. Reading them would take longer than it saves. */
export function sourcesFingerprint(): string {
  const hash = createHash("sha256");
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.startsWith("web"))
    .map((name) => join("src", name));
  for (const name of [...files.sort(), "package-lock.json"]) {
    const { size, mtimeMs } = statSync(join(ROOT, name));
    hash.update(`${name}\n${size}\n${Math.floor(mtimeMs / 1_000)}\n`);
  }
  return hash.digest("hex");
}

function compare(): boolean {
  try {
    return readFileSync(join(BUNDLE, BUILT_FROM), "utf8") === sourcesFingerprint();
  } catch {
    return false;
  }
}

let current: boolean | undefined;
/** One process runs one of the two, whatever changes meanwhile. */
const isCurrent = (): boolean => {
  current ??= compare();
  return current;
};

/**
 * From the bundle, or from the sources. What Node makes of either is kept beside node_modules, where something can be written.
 *
 * @typeParam Module that of the source
 */
export async function load<Module>(entry: (typeof ENTRIES)[number]): Promise<Module> {
  enableCompileCache(COMPILED);
  return import(pathToFileURL(isCurrent() ? join(BUNDLE, fileOf(entry)) : join(ROOT, `src/${entry}.ts`)).href);
}
