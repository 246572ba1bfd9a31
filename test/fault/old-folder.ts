/** A data folder as 0.1 left it, with requests that a stopped definition holds. */
import pg from "pg";
import { ROLE_SCOPES } from "../../src/accounts/caller.ts";
import { startEmbedded } from "../../src/embedded/start.ts";
import { hashToken } from "../../src/vault.ts";
import { applyInit, fillOld, ORGANIZATION } from "../db/old-installation.ts";
import { newFolder, token } from "./folder.ts";

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
  // Its administrator, whose token the upgraded one takes.
  const user = "01930000-0000-7000-8000-000000000002";
  await client.query(
    "INSERT INTO users (id, organization_id, email, username, name, role) VALUES ($1, $2, 'admin@hookline.invalid', 'admin', 'Administrator', 'ADMIN')",
    [user, ORGANIZATION],
  );
  await client.query(
    "INSERT INTO api_token (id, organization_id, user_id, name, prefix, hash, role, scopes, operator) VALUES ($1, $2, $1, 'operator', 'edges', $3, 'ADMIN', $4, true)",
    [user, ORGANIZATION, hashToken(token), ROLE_SCOPES.ADMIN],
  );
  await client.end();
  await postgres.stop();
  return folder;
}
