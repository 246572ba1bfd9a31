/** Named HMAC keys, the user's own text, which CRM.COM definitions select. Never shown again. */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED, newestFirst } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { SecretKey } from "../db/generated/prisma/client.ts";
import { ConflictError, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { conflictOf } from "./code.ts";
import { record } from "./record.ts";
import { lastFour } from "./secrets.ts";
import { columnsOf, insert, rowOf } from "./sql.ts";
import { nameIssues } from "./text.ts";

const CONFLICTS = { secret_key_organization_id_name_key: "there is a secret key with this name already" };

/** @param input.secret 1 to 400 characters, used as its UTF-8 bytes @throws ValidationError ConflictError ForbiddenError */
export async function createSecretKey(core: Core, caller: Caller, input: { name: string; secret: string }): Promise<SecretKey> {
  demand(caller, "webhooks:write");
  const { name, secret } = input;
  const wellFormed = secret.isWellFormed() && !secret.includes("\0");
  const issues = [
    ...nameIssues("name", name, 255),
    ...(secret.length >= 1 && secret.length <= 400 && wellFormed ? [] : [{ path: "secret", message: "must have 1 to 400 characters" }]),
  ];
  if (issues.length > 0) throw new ValidationError(issues);
  const { organizationId } = caller;
  const id = newId(core.clock);
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      const row = await insert<SecretKey>(client, "secret_key", {
        id,
        organizationId,
        name,
        ciphertext: core.vault.seal(secret, `${organizationId}/secret-key/${id}`),
        lastFour: lastFour(secret),
      });
      await record(core, client, caller, { action: "secretKey.create", subjectType: "SecretKey", subjectId: id, after: shown(row) });
      return row;
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

const shown = ({ name, lastFour }: SecretKey) => ({ name, lastFour });

/** @throws ConflictError while a definition selects it; NotFoundError ForbiddenError */
export async function deleteSecretKey(core: Core, caller: Caller, id: string): Promise<SecretKey> {
  demand(caller, "webhooks:write");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const found = await client.query(
      `SELECT ${columnsOf("secret_key")} FROM secret_key WHERE id = $1 AND organization_id = $2 FOR UPDATE`,
      [id, caller.organizationId],
    );
    if (!found.rows[0]) throw new NotFoundError("the secret key");
    const row = rowOf<SecretKey>(found.rows[0]);
    const users = await client.query<{ name: string }>(
      "SELECT name FROM webhook_definition WHERE secret_key_id = $1 AND deleted_at IS NULL ORDER BY number LIMIT 1",
      [id],
    );
    if (users.rows[0])
      throw new ConflictError(`the webhook definition "${users.rows[0].name}" selects this key; select another there first`);
    await client.query("DELETE FROM secret_key WHERE id = $1", [id]);
    await record(core, client, caller, { action: "secretKey.delete", subjectType: "SecretKey", subjectId: id, before: shown(row) });
    return row;
  });
}

/** By id or name; null when there is none. @throws ForbiddenError */
export async function findSecretKey(core: Core, caller: Caller, key: { id: string } | { name: string }): Promise<SecretKey | null> {
  demand(caller, "webhooks:read");
  return core.db.prisma.secretKey.findFirst({ where: { ...key, organizationId: caller.organizationId } });
}

/** Their names, by id. */
export async function secretKeyNames(core: Core, organizationId: string, ids: Iterable<string>): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const keys = await core.db.prisma.secretKey.findMany({ where: { organizationId, id: { in: wanted } }, select: { id: true, name: true } });
  return new Map(keys.map(({ id, name }) => [id, name]));
}

/** Newest first. @throws ForbiddenError */
export async function listSecretKeys(core: Core, caller: Caller, page: PageOf<string>): Promise<Slice<SecretKey>> {
  demand(caller, "webhooks:read");
  const rows = await core.db.prisma.secretKey.findMany(newestFirst({ organizationId: caller.organizationId }, page));
  return sliceOf(page, rows);
}

/** @throws ForbiddenError */
export async function countSecretKeys(core: Core, caller: Caller): Promise<number> {
  demand(caller, "webhooks:read");
  return core.db.prisma.secretKey.count({ ...COUNTED, where: { organizationId: caller.organizationId } });
}
