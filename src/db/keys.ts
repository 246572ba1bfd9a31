/** The master keys: given, or made once for the embedded default; and the check that they fit what is stored. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Config, MasterKey } from "../config.ts";
import { type Vault, VaultError } from "../vault.ts";
import type { Database } from "./client.ts";

/** With the embedded Postgres a key is made once and kept beside its data, mode 0600. */
export async function masterKeys(config: Config): Promise<MasterKey[]> {
  if (config.masterKeys) return config.masterKeys;
  const file = path.join(config.dataDir, "master.key");
  const kept = await readFile(file, "utf8").catch(() => "");
  if (kept.trim() !== "") return [{ id: "1", key: Buffer.from(kept.trim(), "base64") }];
  const key = randomBytes(32);
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await writeFile(file, `${key.toString("base64")}\n`, { mode: 0o600 });
  return [{ id: "1", key }];
}

/** One sealed text of each kind, with its place. */
const SAMPLES = `
  (SELECT ciphertext AS sealed, organization_id || '/' || definition_id || '/signing/' || version AS place FROM signing_secret ORDER BY created_at DESC LIMIT 3)
  UNION ALL (SELECT ciphertext, organization_id || '/secret-key/' || id FROM secret_key ORDER BY created_at DESC LIMIT 3)
  UNION ALL (SELECT headers, organization_id || '/' || id || '/headers' FROM webhook_definition WHERE headers IS NOT NULL ORDER BY created_at DESC LIMIT 3)
  UNION ALL (SELECT headers, organization_id || '/' || id || '/headers' FROM connection WHERE headers IS NOT NULL ORDER BY created_at DESC LIMIT 3)`;

/** @throws VaultError when secrets are stored and the configured keys open none of them */
export async function checkKeys(db: Database, vault: Vault): Promise<void> {
  const { rows } = await db.pool.query<{ sealed: string; place: string }>(SAMPLES);
  const opens = rows.some(({ sealed, place }) => {
    try {
      vault.open(sealed, place);
      return true;
    } catch {
      return false;
    }
  });
  if (rows.length > 0 && !opens)
    throw new VaultError("HOOKLINE_MASTER_KEY opens none of the stored secrets: start with the key they were sealed with");
}
