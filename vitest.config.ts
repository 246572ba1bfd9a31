import { defineConfig } from "vitest/config";
import { PROJECTS, ROOT, testFiles } from "./test/projects.ts";

// Vite's own list has "development", under which `graphql` is another module than the one Node gives Pothos and Yoga.
const conditions = ["node", "module-sync"];
const files = testFiles(ROOT);

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    pool: "forks",
    // Two cores; a third of the time of a file is waiting (for processes to start, for pages, for time to pass).
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is waited for comes when the machine has time: a second is too short beside other tests on two cores.
    expect: { poll: { timeout: 10_000 } },
    projects: PROJECTS.map((name) => ({
      extends: true as const,
      test: { name, include: files[name], ...(name === "unit" ? {} : { globalSetup: "test/global-setup.ts" }) },
    })),
  },
});
