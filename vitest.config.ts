import { defineConfig } from "vitest/config";
import { PROJECTS, ROOT, testFiles } from "./test/projects.ts";

// Vite's own list has "development", under which `graphql` is another module than the one Node gives Pothos and Yoga.
const conditions = ["node", "module-sync"];
const files = testFiles(ROOT);

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    pool: "forks",
    // The reference machine has two cores, and Postgres and browsers want their share: with three at once tests wait for each other.
    maxWorkers: 2,
    // What is waited for comes when the machine has time: on a day when it is slow a process alone takes ten seconds to start.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    // What a log without the differences shows of a failure: enough of both sides to tell it from others.
    chaiConfig: { truncateThreshold: 200 },
    expect: { poll: { timeout: 20_000 } },
    projects: PROJECTS.map((name) => ({
      extends: true as const,
      test: { name, include: files[name], ...(name === "unit" ? {} : { globalSetup: "test/global-setup.ts" }) },
    })),
  },
});
