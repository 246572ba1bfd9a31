/** Every test file runs in one project, and in the right one. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import config from "../vitest.config.ts";
import { parse } from "./architecture/source.ts";
import { PROJECTS, projectOf, ROOT, testFiles } from "./projects.ts";

const onDisk = readdirSync(`${ROOT}/test`, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => `test/${file}`)
  .sort();

test("no file is in no project or in two", () => {
  const projects = (config as { test: { projects: { test: { name: string; include: string[]; globalSetup?: string } }[] } }).test.projects;
  expect(projects.map((project) => project.test.name)).toEqual(PROJECTS);
  expect(projects.flatMap((project) => project.test.include).sort()).toEqual(onDisk);
  for (const { test: project } of projects) {
    expect(project.include.length, project.name).toBeGreaterThan(0);
    expect(project.globalSetup === undefined, project.name).toBe(project.name === "unit");
  }
});

test("known files are where they belong", () => {
  const files = testFiles(ROOT);
  expect(files.unit).toEqual(expect.arrayContaining(["test/vault.test.ts", "test/wire/retry.test.ts", "test/architecture.test.ts"]));
  expect(files.db).toEqual(expect.arrayContaining(["test/pipeline.test.ts", "test/cli/database.test.ts", "test/demo.test.ts"]));
  expect(files.faces).toContain("test/api/faces/doforms.test.ts");
  expect(files.browser).toContain("test/web/log.test.ts");
});

const snippets = (files: Record<string, string>) => new Map(Object.entries(files).map(([file, text]) => [file, parse(file, text)]));

test.each([
  ["unit", { "test/a.test.ts": `import { b } from "../src/db/b.ts";` }],
  [
    "unit",
    { "test/a.test.ts": `import type { TestCore } from "./helpers/database.ts";`, "test/helpers/database.ts": `import pg from "pg";` },
  ],
  ["db", { "test/a.test.ts": `import { inject } from "vitest";` }],
  ["db", { "test/a.test.ts": `import "./b.ts";`, "test/b.ts": `import "./c.ts";`, "test/c.ts": `import { inject } from "vitest";` }],
  ["db", { "test/a.test.ts": `const b = await import("./b.ts");`, "test/b.ts": `import { spawn } from "node:child_process";` }],
  ["db", { "test/a.test.ts": `import { startEmbedded } from "../src/embedded/start.ts";` }],
  ["unit", { "test/a.test.ts": `import "./b.ts";`, "test/b.ts": `import "./a.test.ts";` }],
  ["browser", { "test/a.test.ts": `import "./b.ts";`, "test/b.ts": `import { chromium } from "playwright-core";` }],
  ["unit", { "test/a.test.ts": `import type { Page } from "playwright-core";` }],
] as const)("%s: %j", (project, files) => {
  expect(projectOf("test/a.test.ts", snippets(files))).toBe(project);
});

test("a face's test is in `faces` when it needs the server, else it is a unit test", () => {
  const file = "test/api/faces/a.test.ts";
  expect(projectOf(file, snippets({ [file]: `import { inject } from "vitest";` }))).toBe("faces");
  expect(projectOf(file, snippets({ [file]: "" }))).toBe("unit");
});
