/**
 * What a fresh install needs before anybody can call: the first organization, its administrator, and the operator's
 * token. Run at every start, by every process, under an advisory lock; the second time it finds everything.
 */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { newId } from "../clock.ts";
import { fileReason } from "../config/folder.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { hashToken, newToken } from "../vault.ts";
import { TOKEN_PREFIX } from "./authenticate.ts";
import { SCOPES } from "./caller.ts";
import { shownPrefix } from "./tokens.ts";

/** Any fixed number. */
const LOCK = 4_665_728_102;

export interface Bootstrap {
  organizationId: string;
  /** The administrator that the operator's token acts as. */
  userId: string;
  /** In clear, when it was made now: to be shown once. */
  adminToken: string | undefined;
  /** HOOKLINE_ADMIN_TOKEN; the file in the data folder; or made by another process, or by this one and then lost. */
  tokenFrom: "variable" | "file" | "elsewhere";
}

async function firstOrganization(core: Core, client: PoolClient): Promise<{ organizationId: string; userId: string }> {
  const found = await client.query<{ organization_id: string; user_id: string }>(
    "SELECT organization_id, user_id FROM api_token WHERE operator ORDER BY created_at LIMIT 1",
  );
  const row = found.rows[0];
  if (row) return { organizationId: row.organization_id, userId: row.user_id };
  const organizationId = newId(core.clock);
  const userId = newId(core.clock);
  await client.query("INSERT INTO organization (id, name, features) VALUES ($1, 'Hookline', '{INBOUND_WEBHOOKS}')", [organizationId]);
  await client.query(
    `INSERT INTO users (id, organization_id, email, username, name, role)
     VALUES ($1, $2, 'admin@hookline.invalid', 'admin', 'Administrator', 'ADMIN')`,
    [userId, organizationId],
  );
  return { organizationId, userId };
}

/** HOOKLINE_ADMIN_TOKEN, or the one kept in the data folder; undefined when there is neither. @throws when the file cannot be read */
async function presentToken(core: Core): Promise<string | undefined> {
  if (core.config.adminToken !== undefined) return core.config.adminToken;
  const kept = await readFile(tokenFile(core), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return "";
    throw new Error(`${tokenFile(core)} cannot be read: ${fileReason(error)}; or set HOOKLINE_ADMIN_TOKEN`, { cause: error });
  });
  return kept.trim() || undefined;
}

/** @throws with what to do instead, when the data folder cannot be written */
async function keepToken(core: Core, token: string): Promise<void> {
  try {
    await mkdir(core.config.dataDir, { recursive: true, mode: 0o700 });
    await writeFile(tokenFile(core), `${token}\n`, { mode: 0o600 });
    // The mode above is for new files only.
    await chmod(tokenFile(core), 0o600);
  } catch (cause) {
    throw new Error(
      `the admin token cannot be kept in ${tokenFile(core)}: ${fileReason(cause)}; set HOOKLINE_ADMIN_TOKEN, or HOOKLINE_DATA_DIR to a folder that can be written`,
      { cause },
    );
  }
}

function tokenFile(core: Core): string {
  return path.join(core.config.dataDir, "admin.token");
}

/** Makes what is missing, and makes the present bootstrap token the valid one. */
export async function bootstrap(core: Core): Promise<Bootstrap> {
  return core.db.transaction(async (client) => {
    // Longer than locks are waited for elsewhere: every process of an installation may start at once.
    await client.query("SET LOCAL lock_timeout = '15s'");
    await client.query("SELECT pg_advisory_xact_lock($1)", [LOCK]);
    const first = await firstOrganization(core, client);
    const { rows } = await client.query<{ id: string; hash: Buffer }>("SELECT id, hash FROM api_token WHERE operator LIMIT 1");
    const stored = rows[0];
    let token = await presentToken(core);
    let made: string | undefined;
    if (token === undefined) {
      // Another process, with a data folder or a variable of its own, made the token: it stays good.
      if (stored) return { ...first, adminToken: undefined, tokenFrom: "elsewhere" };
      made = token = newToken(TOKEN_PREFIX);
      await keepToken(core, token);
    }
    const hash = hashToken(token);
    const tokenFrom = core.config.adminToken === undefined ? "file" : "variable";
    if (stored?.hash.equals(hash)) return { ...first, adminToken: undefined, tokenFrom };
    if (stored) {
      await client.query("UPDATE api_token SET hash = $2, prefix = $3, revoked_at = NULL WHERE id = $1", [
        stored.id,
        hash,
        shownPrefix(token),
      ]);
    } else {
      await client.query(
        `INSERT INTO api_token (id, organization_id, user_id, name, prefix, hash, role, scopes, operator)
         VALUES ($1, $2, $3, 'bootstrap', $4, $5, 'ADMIN', $6, true)`,
        [newId(core.clock), first.organizationId, first.userId, shownPrefix(token), hash, SCOPES],
      );
    }
    return { ...first, adminToken: made, tokenFrom };
  });
}
