/**
 * Signing secrets: made here, encrypted at once, shown once. A definition has one current HMAC secret (v1, and
 * SuperOffice's signature) and, when it signs with V1A, one current Ed25519 pair; after a rotation the former ones sign
 * beside them until the overlap ends.
 */

import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { SigningSecret } from "../db/generated/prisma/client.ts";
import type { Issue } from "../errors.ts";
import { dialects } from "../wire/dialects.ts";
import { generatePair, generateSecret, parseSecret } from "../wire/signatures/standard.ts";
import type { DefinitionRow, SignatureVersion } from "./settings.ts";
import { insert } from "./sql.ts";

/** GENERATE a new one, have NONE, or take the user's own. */
export type Signing = "GENERATE" | "NONE" | { text: string };

/** What its receivers expect when nothing is said. */
export function defaultSigning(dialect: DefinitionRow["dialect"]): Signing {
  return dialects[dialect].signed ? "GENERATE" : "NONE";
}

/** SuperOffice takes any text as a key; elsewhere it is `whsec_` and base64 of 24 to 64 bytes. */
export function signingIssues(signing: Signing | undefined, dialect: DefinitionRow["dialect"], path = "signingSecret"): Issue[] {
  if (typeof signing !== "object") return [];
  const { text } = signing;
  if (dialects[dialect].secrets === "TEXT") {
    const ok = text.length >= 1 && text.length <= 400 && text.isWellFormed() && !text.includes("\0");
    return ok ? [] : [{ path, message: "must have 1 to 400 characters" }];
  }
  const size = parseSecret(text)?.length ?? 0;
  return size >= 24 && size <= 64 ? [] : [{ path, message: "must be whsec_ and base64 of 24 to 64 bytes" }];
}

/** What people recognise a secret by; of a short one that would be most of it. */
export function lastFour(secret: string): string {
  return secret.length < 8 ? "****" : secret.slice(-4);
}

type Owner = Pick<DefinitionRow, "id" | "organizationId" | "dialect">;
type Kind = SigningSecret["kind"];

/** Living ones, current first. */
export async function signingSecrets(client: Pick<PoolClient, "query">, definitionId: string): Promise<SigningSecret[]> {
  const { rows } = await client.query<SigningSecret>(
    `SELECT id, organization_id AS "organizationId", definition_id AS "definitionId", version, kind, ciphertext, last_four AS "lastFour",
            public_key AS "publicKey", expires_at AS "expiresAt", created_at AS "createdAt"
     FROM signing_secret WHERE definition_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY version DESC`,
    [definitionId],
  );
  return rows;
}

async function store(
  core: Core,
  client: PoolClient,
  owner: Owner,
  secret: { kind: Kind; text: string; publicKey?: string },
): Promise<void> {
  const { rows } = await client.query<{ version: number }>(
    "SELECT COALESCE(max(version), 0) + 1 AS version FROM signing_secret WHERE definition_id = $1",
    [owner.id],
  );
  const version = rows[0]?.version ?? 1;
  await insert<SigningSecret>(client, "signing_secret", {
    id: newId(core.clock),
    organizationId: owner.organizationId,
    definitionId: owner.id,
    version,
    kind: secret.kind,
    ciphertext: core.vault.seal(secret.text, `${owner.organizationId}/${owner.id}/signing/${version}`),
    lastFour: lastFour(secret.text),
    publicKey: secret.publicKey ?? null,
  });
}

/**
 * Makes the secrets that a new definition signs with.
 * @returns what is shown once: the HMAC secret; null when there is none (also with V1A alone: its public key is no secret)
 */
export async function makeSecrets(
  core: Core,
  client: PoolClient,
  owner: Owner,
  versions: readonly SignatureVersion[],
  signing: Signing,
): Promise<string | null> {
  if (signing === "NONE") return null;
  if (versions.includes("V1A")) await storePair(core, client, owner);
  return versions.includes("V1") ? storeHmac(core, client, owner, signing) : null;
}

async function storePair(core: Core, client: PoolClient, owner: Owner): Promise<string> {
  const { seed, publicKey } = generatePair();
  await store(core, client, owner, { kind: "ED25519", text: Buffer.from(seed).toString("base64"), publicKey });
  return publicKey;
}

async function storeHmac(core: Core, client: PoolClient, owner: Owner, signing: Signing): Promise<string> {
  const text = typeof signing === "object" ? signing.text : generateSecret();
  // What was generated is told from a user's own text: only the latter is its UTF-8 bytes in every dialect.
  const kind = typeof signing === "object" && dialects[owner.dialect].secrets === "TEXT" ? "TEXT" : "STANDARD";
  await store(core, client, owner, { kind, text });
  return text;
}

/**
 * Former secrets, and as many former pairs, that sign beside the current one. Each of them is a signature of every delivery, in a
 * header that a receiver takes some kilobytes of.
 */
const MOST_FORMER = 3;

/**
 * New secrets for all that the definition signs with; the former ones end at `until`, or earlier, as they were to end before, and
 * all but the newest few at once.
 * @returns the new HMAC secret; with V1A alone the new public key, which is what its receivers need
 */
export async function replaceSecrets(
  core: Core,
  client: PoolClient,
  owner: Owner & { signatureVersions: readonly SignatureVersion[] },
  until: Date,
  signing: Signing = "GENERATE",
): Promise<string> {
  await client.query("UPDATE signing_secret SET expires_at = LEAST(expires_at, $2) WHERE definition_id = $1", [owner.id, until]);
  await client.query(
    `DELETE FROM signing_secret s WHERE s.definition_id = $1 AND (s.expires_at <= $2 OR $3 <= (
       SELECT count(*) FROM signing_secret newer
        WHERE newer.definition_id = $1 AND newer.version > s.version AND (newer.kind = 'ED25519') = (s.kind = 'ED25519')))`,
    [owner.id, core.clock.now(), MOST_FORMER],
  );
  const pair = owner.signatureVersions.includes("V1A") ? await storePair(core, client, owner) : "";
  return owner.signatureVersions.includes("V1") || pair === "" ? storeHmac(core, client, owner, signing) : pair;
}

/** All of them, at once. */
export async function removeSecrets(client: PoolClient, definitionId: string): Promise<void> {
  await client.query("DELETE FROM signing_secret WHERE definition_id = $1", [definitionId]);
}

const HMAC_KINDS: readonly Kind[] = ["STANDARD", "TEXT"];
const PAIR_KINDS: readonly Kind[] = ["ED25519"];

/**
 * After `signatureVersions` of a signing definition changed: a pair comes with V1A, a secret with V1 (seen by nobody
 * until it is rotated), and what is no longer wanted stops signing at once, also where an overlap runs.
 */
export async function alignSecrets(core: Core, client: PoolClient, owner: Owner, versions: readonly SignatureVersion[]): Promise<void> {
  const living = await signingSecrets(client, owner.id);
  if (living.length === 0) return;
  const has = (kinds: readonly Kind[]) => living.some(({ kind, expiresAt }) => kinds.includes(kind) && expiresAt === null);
  const dropped = [...(versions.includes("V1") ? [] : HMAC_KINDS), ...(versions.includes("V1A") ? [] : PAIR_KINDS)];
  await client.query("DELETE FROM signing_secret WHERE definition_id = $1 AND kind::text = ANY($2::text[])", [owner.id, dropped]);
  if (versions.includes("V1A") && !has(PAIR_KINDS)) await storePair(core, client, owner);
  if (versions.includes("V1") && !has(HMAC_KINDS)) await storeHmac(core, client, owner, "GENERATE");
}
