/** The master keys: given, or made once for the embedded default; and the check that they fit what is stored. */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ClientBase } from "pg";
import type { Config, MasterKey } from "../config.ts";
import { type Vault, VaultError } from "../vault.ts";
import type { Database } from "./client.ts";
import { SEALED } from "./sealed.ts";

const keyFile = (config: Config) => path.join(config.dataDir, "master.key");

async function keptKey(config: Config): Promise<string> {
  const kept = await readFile(keyFile(config), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return kept.trim();
}

/** Those given; with the embedded Postgres the one in the data folder. None: there is none yet, or it is lost. */
export async function keptKeys(config: Config): Promise<MasterKey[]> {
  if (config.masterKeys) return config.masterKeys;
  const kept = await keptKey(config);
  return kept === "" ? [] : [{ id: "1", key: Buffer.from(kept, "base64") }];
}

/** Those kept, or a new one, which `keepKey` keeps. */
export async function masterKeys(config: Config): Promise<MasterKey[]> {
  const kept = await keptKeys(config);
  return kept.length > 0 ? kept : [{ id: "1", key: randomBytes(32) }];
}

/** Keeps a new key beside the embedded Postgres' data, mode 0600: once `checkKeys` has found that nothing needs a lost one. */
export async function keepKey(config: Config, keys: readonly MasterKey[]): Promise<void> {
  if (config.masterKeys || (await keptKey(config)) !== "") return;
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  await writeFile(keyFile(config), `${keys[0]?.key.toString("base64")}\n`, { mode: 0o600 });
}

/** The newest sealed texts of each kind, with their places. */
const SAMPLES = SEALED.map(
  ([table, column, place]) =>
    `(SELECT ${column} AS sealed, ${place} AS place FROM ${table} WHERE ${column} IS NOT NULL ORDER BY created_at DESC LIMIT 3)`,
).join(" UNION ALL ");

/** What does not open, by what was set; and what to do. */
async function closedSecrets(config: Config): Promise<string> {
  if (config.masterKeys) return "HOOKLINE_MASTER_KEY opens none of the stored secrets: start with the key they were sealed with";
  const file = keyFile(config);
  if ((await keptKey(config)) !== "") return `${file} opens none of the stored secrets: bring back the file that they were sealed with`;
  return `${file} is missing, and the stored secrets open with nothing else: bring the file back from a backup, or set HOOKLINE_MASTER_KEY to what it held. No new one was made. If it is lost for good, so are the signing secrets and secret headers: \`hookline forget-secrets\` gives them up (docs/operations.md)`;
}

/** False: secrets are stored, and the vault opens none of them. */
export async function opensStored(database: Pick<ClientBase, "query">, vault: Pick<Vault, "open">): Promise<boolean> {
  const { rows } = await database.query<{ sealed: string; place: string }>(SAMPLES);
  const opens = rows.some(({ sealed, place }) => {
    try {
      vault.open(sealed, place);
      return true;
    } catch {
      return false;
    }
  });
  return opens || rows.length === 0;
}

/** @throws VaultError when secrets are stored and the configured keys open none of them */
export async function checkKeys(db: Database, vault: Vault, config: Config): Promise<void> {
  if (!(await opensStored(db.pool, vault))) throw new VaultError(await closedSecrets(config));
}
