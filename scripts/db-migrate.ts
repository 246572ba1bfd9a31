/** `npm run db:migrate`: applies the pending migrations to DATABASE_URL, or to the embedded Postgres of the data folder. */
import { readConfig } from "../src/config.ts";
import { migrate } from "../src/db/migrate.ts";
import { borrowEmbedded } from "../src/embedded/start.ts";

const config = readConfig();
const embedded = config.databaseUrl === undefined ? await borrowEmbedded(config.dataDir, { command: "migrate" }) : undefined;
try {
  const applied = await migrate(embedded?.url ?? (config.databaseUrl as string), { queueSchema: config.queueSchema });
  console.log(applied.length === 0 ? "nothing to apply" : `applied ${applied.join(", ")}`);
} finally {
  await embedded?.stop();
}
