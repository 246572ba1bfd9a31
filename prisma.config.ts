import { defineConfig } from "prisma/config";

// The CLI would download a native schema engine, even for `generate`; any existing file in its place will do
// for what we use it for. Migrations run with the engine as WebAssembly: src/db/migrate.ts.
process.env["PRISMA_SCHEMA_ENGINE_BINARY"] ??= process.execPath;

export default defineConfig({ schema: "prisma/schema.prisma", migrations: { path: "prisma/migrations" } });
