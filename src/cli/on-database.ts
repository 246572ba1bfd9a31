/** The database of a command that works on it itself. */
import type { Config } from "../config.ts";
import { borrowEmbedded } from "../embedded/start.ts";
import { endByExit } from "./ending.ts";

/**
 * DATABASE_URL, or the embedded Postgres of the data folder, which is made when there is none: the server's that runs on it,
 * else one for as long as `work` takes, however the process ends.
 */
export async function onDatabase<T>(config: Readonly<Config>, command: string, work: (url: string) => Promise<T>): Promise<T> {
  const ending = endByExit();
  try {
    if (config.databaseUrl !== undefined) return await work(config.databaseUrl);
    const embedded = await ending.unwinding(borrowEmbedded(config.dataDir, { command, signal: ending.signal }));
    try {
      return await work(embedded.url);
    } finally {
      await embedded.stop();
    }
  } finally {
    ending.release();
  }
}
