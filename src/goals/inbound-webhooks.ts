/** Inbound webhooks: secret URLs that record values. Of a key only its SHA-256 is stored; admins alone see and make them. */
import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { nameIssues, textIssues } from "../definitions/text.ts";
import { ForbiddenError, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { hashToken, newToken } from "../vault.ts";
import { globalId } from "../wire/ids.ts";
import type { Goal } from "./goals.ts";

/** What a URL may record for. RESULTS.com names connect, meeting and task as later ones. */
export type InboundTargetType = "GOAL";

export interface InboundWebhook {
  /** UUID. */
  id: string;
  organizationId: string;
  targetType: InboundTargetType;
  /** UUID. */
  goalId: string;
  name: string;
  description: string | null;
  enabled: boolean;
  createdAt: Date;
  lastReceivedAt: Date | null;
  /** The last refused posts that had its key, newest first, at most ten. */
  lastErrors: { at: string; status: number; message: string }[];
}

/** The key leaves the server in this answer and never again. */
export interface InboundWebhookWithKey {
  inboundWebhook: InboundWebhook;
  key: string;
}

const COLUMNS = `id, organization_id AS "organizationId", target_type AS "targetType", goal_id AS "goalId", name, description, enabled,
  created_at AS "createdAt", last_received_at AS "lastReceivedAt", COALESCE(last_errors, '[]') AS "lastErrors"`;

/**
 * @param input its name is the goal's when absent
 * @throws ForbiddenError also when the organization's feature is off · NotFoundError ValidationError
 */
export async function createInboundWebhook(
  core: Core,
  caller: Caller,
  input: { goalId: string; name?: string | null | undefined; description?: string | null | undefined },
): Promise<InboundWebhookWithKey> {
  demand(caller, "admin");
  const organization = await core.db.prisma.organization.findUnique({ where: { id: caller.organizationId }, select: { features: true } });
  if (!organization?.features.includes("INBOUND_WEBHOOKS")) {
    throw new ForbiddenError("inbound webhooks are switched off for this organization");
  }
  const { rows: goals } = await core.db
    .tenant(caller.organizationId)
    .query<Pick<Goal, "name">>("SELECT name FROM goal WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL", [
      input.goalId,
      caller.organizationId,
    ]);
  if (!goals[0]) throw new NotFoundError("the goal");
  const name = input.name ?? goals[0].name;
  check({ name, description: input.description });
  const key = newToken("hki");
  const inboundWebhook = await changed(core, caller, "inboundWebhook.create", {
    text: `INSERT INTO inbound_webhook (id, organization_id, goal_id, name, description, key_hash) VALUES ($1, $2, $3, $4, $5, $6) RETURNING ${COLUMNS}`,
    values: [newId(core.clock), caller.organizationId, input.goalId, name.trim(), input.description ?? null, hashOf(key)],
  });
  return { inboundWebhook, key };
}

/** The secret URL as an admin copies it into the source system. @param publicUrl where clients reach us */
export function inboundWebhookUrl(publicUrl: string, webhook: InboundWebhook, key: string): string {
  return `${publicUrl}/inbound/goals/${globalId("Goal", webhook.goalId)}/${key}`;
}

/** What is not in `changes` stays; null clears the description. @throws NotFoundError ValidationError ForbiddenError */
export async function updateInboundWebhook(
  core: Core,
  caller: Caller,
  id: string,
  changes: { name?: string | null | undefined; description?: string | null | undefined; enabled?: boolean | null | undefined },
): Promise<InboundWebhook> {
  demand(caller, "admin");
  check(changes);
  return changed(core, caller, "inboundWebhook.update", {
    text: `UPDATE inbound_webhook SET name = COALESCE($3, name), description = CASE WHEN $4 THEN $5 ELSE description END,
       enabled = COALESCE($6, enabled), updated_at = now() WHERE id = $1 AND organization_id = $2 RETURNING ${COLUMNS}`,
    values: [
      id,
      caller.organizationId,
      changes.name?.trim() ?? null,
      changes.description !== undefined,
      changes.description ?? null,
      changes.enabled ?? null,
    ],
  });
}

/** Its key answers 401 from now on. @throws NotFoundError ForbiddenError */
export async function deleteInboundWebhook(core: Core, caller: Caller, id: string): Promise<InboundWebhook> {
  demand(caller, "admin");
  return changed(core, caller, "inboundWebhook.delete", {
    text: `DELETE FROM inbound_webhook WHERE id = $1 AND organization_id = $2 RETURNING ${COLUMNS}`,
    values: [id, caller.organizationId],
  });
}

/** The old key ends at once, on every process: each post asks the database. @throws NotFoundError ForbiddenError */
export async function rotateInboundWebhookKey(core: Core, caller: Caller, id: string): Promise<InboundWebhookWithKey> {
  demand(caller, "admin");
  const key = newToken("hki");
  const inboundWebhook = await changed(core, caller, "inboundWebhook.rotateKey", {
    text: `UPDATE inbound_webhook SET key_hash = $3, updated_at = now() WHERE id = $1 AND organization_id = $2 RETURNING ${COLUMNS}`,
    values: [id, caller.organizationId, hashOf(key)],
  });
  return { inboundWebhook, key };
}

/** The change and its audit entry, together. @throws NotFoundError when the statement changes no row */
async function changed(
  core: Core,
  caller: Caller,
  action: string,
  statement: { text: string; values: unknown[] },
): Promise<InboundWebhook> {
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const { rows } = await client.query<InboundWebhook>(statement);
    const row = rows[0];
    if (!row) throw new NotFoundError("the inbound webhook");
    const { lastErrors: _, ...settings } = row;
    await audit(core, caller, action, { type: "InboundWebhook", id: row.id }, undefined, settings, client);
    return row;
  });
}

const hashOf = (key: string) => Buffer.from(hashToken(key));

/** @throws ForbiddenError */
export async function findInboundWebhook(core: Core, caller: Caller, id: string): Promise<InboundWebhook | null> {
  demand(caller, "admin");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<InboundWebhook>(`SELECT ${COLUMNS} FROM inbound_webhook WHERE organization_id = $1 AND id = $2`, [caller.organizationId, id]);
  return rows[0] ?? null;
}

/** Newest first (ids are in order of creation). @throws ForbiddenError */
export async function listInboundWebhooks(core: Core, caller: Caller, page: PageOf<string>): Promise<Slice<InboundWebhook>> {
  demand(caller, "admin");
  const { rows } = await core.db.tenant(caller.organizationId).query<InboundWebhook>(
    `SELECT ${COLUMNS} FROM inbound_webhook WHERE organization_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::uuid IS NULL OR id > $3)
     ORDER BY id ${page.fromBack ? "ASC" : "DESC"} LIMIT $4`,
    [caller.organizationId, page.after ?? null, page.before ?? null, page.limit + 1],
  );
  return sliceOf(page, rows);
}

/** All of them, newest first. @throws ForbiddenError */
export async function allInboundWebhooks(core: Core, caller: Caller): Promise<InboundWebhook[]> {
  demand(caller, "admin");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<InboundWebhook>(`SELECT ${COLUMNS} FROM inbound_webhook WHERE organization_id = $1 ORDER BY id DESC`, [caller.organizationId]);
  return rows;
}

/** @throws ForbiddenError */
export async function countInboundWebhooks(core: Core, caller: Caller): Promise<number> {
  demand(caller, "admin");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<{ n: number }>("SELECT count(*) AS n FROM (SELECT 1 FROM inbound_webhook WHERE organization_id = $1 LIMIT $2) AS counted", [
      caller.organizationId,
      COUNTED.take,
    ]);
  return rows[0]?.n ?? 0;
}

function check(texts: { name?: string | null | undefined; description?: string | null | undefined }): void {
  const issues = [
    ...(texts.name === undefined || texts.name === null ? [] : nameIssues("name", texts.name, 255)),
    ...textIssues("description", texts.description, 2_000),
  ];
  if (issues.length > 0) throw new ValidationError(issues);
}
