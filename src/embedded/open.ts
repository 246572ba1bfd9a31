/** The embedded Postgres of a server, for one process or several. */
import type { Config } from "../config.ts";
import { connectionsOfAll } from "../db/room.ts";
import { type EmbeddedPostgres, startEmbedded } from "./start.ts";

/** Beside those of the processes: some for commands beside the server, and what Postgres keeps for superusers. */
const SPARE_CONNECTIONS = 40;

export interface OpenOptions {
  signal?: AbortSignal | undefined;
  /** Of a primary and its workers. */
  several: boolean;
  /** Postgres, or what makes its cluster, has been started and is waited for; not called when it was running, or a start failed before. */
  launched?: (() => void) | undefined;
}

/** With room for every process; a server that a killed Hookline left running may have less: then it is started anew. @throws as `startEmbedded` */
export async function openEmbedded(
  { dataDir, workers, databasePool }: Pick<Config, "dataDir" | "workers" | "databasePool">,
  { signal, several, launched }: OpenOptions,
): Promise<EmbeddedPostgres> {
  const connections = several ? connectionsOfAll({ workers, pool: databasePool }) + SPARE_CONNECTIONS : undefined;
  const found = await startEmbedded(dataDir, { signal, connections, launched });
  if (connections === undefined || found.started) return found;
  await found.stop();
  return startEmbedded(dataDir, { signal, connections });
}
