/** Idempotency keys: a row in the transaction of what it guards, so that the same key never makes two events. */
import { createHash } from "node:crypto";
import type { PoolClient } from "../db/client.ts";
import { dropKeys, keepKeyAnswers, keptKeys, takeKeyRows } from "./sql/take-keys.ts";

export interface KeyClaim {
  organizationId: string;
  /** "" = the organization's own key space. */
  space: string;
  key: string;
  bodyHash: Uint8Array;
  status: number;
  answer: string;
}

export interface KeptAnswer {
  sameBody: boolean;
  status: number;
  answer: string;
}

/** Of an event that its key names: the same as any other that its key names so, and as none whose key was made up. */
export const NAMED: Uint8Array = bodyHash("named by its key");

export const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

export const claimId = (claim: { organizationId: string; space: string; key: string }) =>
  `${claim.organizationId} ${claim.space} ${claim.key}`;

/**
 * Takes keys, in one order everywhere. A key that another transaction is taking right now is waited for.
 * @returns what is kept under those that were taken before, by `claimId`
 */
export async function takeKeys(client: PoolClient, claims: readonly KeyClaim[]): Promise<Map<string, KeptAnswer>> {
  const sorted = [...claims].sort((a, b) => (claimId(a) < claimId(b) ? -1 : 1));
  const column = <T>(of: (c: KeyClaim) => T) => sorted.map(of);
  const taken = await takeKeyRows.rows(client, [
    column((c) => c.organizationId),
    column((c) => c.space),
    column((c) => c.key),
    column((c) => Buffer.from(c.bodyHash)),
    column((c) => c.status),
    column((c) => c.answer),
  ]);
  const ours = new Set(taken.map((row) => claimId({ organizationId: row.organization_id, space: row.space, key: row.key })));
  return knownKeys(
    client,
    sorted.filter((claim) => !ours.has(claimId(claim))),
  );
}

/** What is kept under keys, by `claimId`. */
export async function knownKeys(client: Pick<PoolClient, "query">, claims: readonly KeyClaim[]): Promise<Map<string, KeptAnswer>> {
  const kept = new Map<string, KeptAnswer>();
  if (claims.length === 0) return kept;
  const rows = await keptKeys.rows(client, [claims.map((c) => c.organizationId), claims.map((c) => c.space), claims.map((c) => c.key)]);
  const byId = new Map(claims.map((claim) => [claimId(claim), claim]));
  for (const row of rows) {
    const id = claimId({ organizationId: row.organization_id, space: row.space, key: row.key });
    const same = isSame(row.body_hash, byId.get(id)?.bodyHash ?? Buffer.alloc(0));
    kept.set(id, { sameBody: same, status: row.status, answer: row.answer });
  }
  return kept;
}

/** A refused call must not leave keys behind that others of its events took. */
export async function giveKeysBack(client: PoolClient, claims: readonly KeyClaim[]): Promise<void> {
  if (claims.length > 0)
    await dropKeys.count(client, [claims.map((c) => c.organizationId), claims.map((c) => c.space), claims.map((c) => c.key)]);
}

/** Of keys that this transaction took: another answer. */
export async function keepAnswers(client: PoolClient, claims: readonly KeyClaim[]): Promise<void> {
  if (claims.length > 0)
    await keepKeyAnswers.count(client, [
      claims.map((c) => c.organizationId),
      claims.map((c) => c.space),
      claims.map((c) => c.key),
      claims.map((c) => c.status),
      claims.map((c) => c.answer),
    ]);
}

/** @returns SHA-256 of what makes two calls the same */
export function bodyHash(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest();
}
