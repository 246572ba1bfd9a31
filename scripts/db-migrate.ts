/** `npm run db:migrate`: applies the pending migrations to DATABASE_URL, or to the embedded Postgres of the data folder. */
import { readConfig } from "../src/config.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";

const config = readConfig();
const embedded = config.databaseUrl === undefined ? await startEmbedded(config.dataDir) : undefined;
try {
  const applied = await migrate(embedded?.url ?? (config.databaseUrl as string));
  console.log(applied.length === 0 ? "nothing to apply" : `applied ${applied.join(", ")}`);
} finally {
  // A server that was running before belongs to another process.
  if (embedded?.started) await embedded.stop();
}
