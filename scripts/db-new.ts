/** `npm run db:new`: prints the SQL of the whole Prisma schema, the material of a new migration. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { schemaSql } from "../src/db/schema-engine.ts";
import { startEmbedded } from "../src/embedded/start.ts";

const folder = await mkdtemp(path.join(tmpdir(), "hookline-db-new-"));
const postgres = await startEmbedded(folder);
try {
  process.stdout.write(await schemaSql(postgres.url));
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
