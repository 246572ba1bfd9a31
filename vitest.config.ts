import { defineConfig } from "vitest/config";

// Vite's own list has "development", under which `graphql` is another module than the one Node gives Pothos and Yoga.
const conditions = ["node", "module-sync"];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/global-setup.ts",
    pool: "forks",
    // The reference machine has two cores, and Postgres wants its share.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
