/** Which dependencies anything of ours uses. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Manifest } from "./lock.ts";

/** Used without being imported, and by what. */
const OTHERWISE: Readonly<Record<string, string>> = {
  node: "the Node 24 that every npm script runs with",
  prisma: "makes the client after each install",
  typescript: "`npm run types`",
  "@biomejs/biome": "`npm run lint`",
  rxjs: "a peer of @apollo/client",
  recharts: "draws what @mantine/charts, whose peer it is, says",
};

const FOLDERS = ["docs", "src", "test", "scripts", "bench", "bin", "packages", "examples"];
const FILES = ["tsconfig.json", "biome.json", "vitest.config.ts", "prisma.config.ts"];
const TEXT = /\.(?:[cm]?[jt]sx?|css|json|md)$/;
/** What the build makes. Prisma's client is read: it names what it needs. Our own lists name what we do not want. */
const MADE = /(?:^|\/)(?:node_modules|dist|fixtures)(?:\/|$)|^scripts\/supply-chain\//;

/** The text of everything that could name a dependency, by path; the programs in docs too, which test/docs runs. */
export async function readSources(root: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of FOLDERS) {
    const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const file = path.relative(root, path.join(entry.parentPath, entry.name));
      if (entry.isFile() && TEXT.test(file) && !MADE.test(file)) found.set(file, await readFile(path.join(root, file), "utf8"));
    }
  }
  for (const file of FILES) found.set(file, await readFile(path.join(root, file), "utf8"));
  return found;
}

/** `"name"` or `"name/part"`, in any quotes. */
const names = (text: string, dependency: string) =>
  ['"', "'", "`"].some((quote) => text.includes(`${quote}${dependency}${quote}`) || text.includes(`${quote}${dependency}/`));

/** `@types/pg` goes with `pg`, `@types/node` with Node itself. */
function typed(dependency: string, all: ReadonlySet<string>): boolean {
  const of = dependency.slice("@types/".length);
  return dependency.startsWith("@types/") && (of === "node" || all.has(of));
}

/** In the order of package.json. @param sources text by path */
export function unusedDependencies(manifest: Manifest, sources: ReadonlyMap<string, string>): string[] {
  const all = new Set(Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }));
  return [...all].filter(
    (dependency) => !(OTHERWISE[dependency] || typed(dependency, all) || [...sources.values()].some((text) => names(text, dependency))),
  );
}
