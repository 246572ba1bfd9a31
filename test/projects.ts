/**
 * Which Vitest project a test file belongs to. Computed from its imports at every start of Vitest, so that it cannot go
 * stale: whoever imports the database's helper needs the database, whoever imports Playwright needs a browser.
 */
import path from "node:path";
import { readTree, type SourceFile } from "./architecture/source.ts";

/**
 * `unit` has no set-up and takes seconds in all: no Postgres, no processes, no threads, no receivers that wait.
 * `faces` and `browser` say what they are; `db` is everything else.
 */
export const PROJECTS = ["unit", "db", "faces", "browser"] as const;
export type ProjectName = (typeof PROJECTS)[number];

/** Whoever loads one of these is no unit test: the server, processes, and what is tested by waiting for it. */
const HEAVY = [/^vitest:inject$/, /^node:child_process$/, /^pg$/, /embedded/, /^src\/delivery\/sandbox\//, /^test\/helpers\/hostile\.ts$/];

const isTest = (file: string) => /^test\/.*\.test\.ts$/.test(file);

/** Every module that `start` loads, through files of the tree; packages by the name they are imported by. Types load nothing. */
export function loads(start: string, files: ReadonlyMap<string, Pick<SourceFile, "imports">>): Set<string> {
  const seen = new Set<string>([start]);
  const waiting = [start];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    for (const { target, specifier, typeOnly, names } of files.get(file)?.imports ?? []) {
      if (typeOnly) continue;
      // `inject` hands a test what the global set-up made.
      if (specifier === "vitest" && names.includes("inject")) seen.add("vitest:inject");
      const name = target ?? specifier;
      if (seen.has(name)) continue;
      seen.add(name);
      // Importing the product starts none of its processes, so what it imports says nothing about the test.
      if (target !== undefined && !target.startsWith("src/")) waiting.push(target);
    }
  }
  return seen;
}

export function projectOf(file: string, files: ReadonlyMap<string, Pick<SourceFile, "imports">>): ProjectName {
  const loaded = loads(file, files);
  if (loaded.has("playwright-core")) return "browser";
  if (![...loaded].some((name) => HEAVY.some((heavy) => heavy.test(name)))) return "unit";
  return file.startsWith("test/api/faces/") ? "faces" : "db";
}

/** Every test file of the tree, by project. @param root absolute */
export function testFiles(root: string): Record<ProjectName, string[]> {
  const files = new Map(readTree(root, ["test", "scripts", "bench"]).map((file) => [file.path, file]));
  const found: Record<ProjectName, string[]> = { unit: [], db: [], faces: [], browser: [] };
  for (const file of files.keys()) if (isTest(file)) found[projectOf(file, files)].push(file);
  return found;
}

export const ROOT = path.resolve(import.meta.dirname, "..");
