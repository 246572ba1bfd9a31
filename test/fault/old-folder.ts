/** A data folder as 0.1 left it, with requests that a stopped definition holds. */
import pg from "pg";
import { startEmbedded } from "../../src/embedded/start.ts";
import { applyInit, fillOld } from "../db/old-installation.ts";
import { newFolder } from "./folder.ts";

const REQUESTS = 2_000;
/** As `contents` says it. */
export const OLD = `${REQUESTS} events, stopped`;

export async function oldFolder(): Promise<string> {
  const folder = newFolder();
  const postgres = await startEmbedded(folder);
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await applyInit(client);
  await fillOld(client, "http://127.0.0.1:9", [{ name: "stopped", ordering: "KEY", state: "STOPPED", requests: REQUESTS, keys: 50 }]);
  await client.end();
  await postgres.stop();
  return folder;
}
