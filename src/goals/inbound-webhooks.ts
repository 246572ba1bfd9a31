/**
 * Inbound webhooks: secret URLs that record values, or make events (inbound-sources.ts). Of a key only its SHA-256 is stored;
 * admins alone see and make them.
 */
import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { nameIssues, textIssues } from "../definitions/text.ts";
import { ForbiddenError, NotFoundError, ValidationError } from "../errors.ts";
import type { Preset } from "../inbound/verification.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { hashToken, newToken } from "../vault.ts";
import { globalId } from "../wire/ids.ts";
import type { Goal } from "./goals.ts";

/** What a post makes. RESULTS.com names connect, meeting and task as later ones. */
export type InboundTargetType = "GOAL" | "EVENT";

export interface InboundWebhook {
  /** UUID. */
  id: string;
  organizationId: string;
  targetType: InboundTargetType;
  /** UUID; null: it makes events. */
  goalId: string | null;
  name: string;
  description: string | null;
  enabled: boolean;
  /** Of those that make events, as are the further ones: a template. */
  eventType: string | null;
  verification: Preset;
  /** Of the secret, which is never shown. */
  secretLastFour: string | null;
  signatureHeader: string | null;
  signatureEncoding: "HEX" | "BASE64";
  transformation: string | null;
  dedupeHeader: string | null;
  dedupePath: string | null;
  acceptedCount: number;
  duplicateCount: number;
  refusedCount: number;
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

export const COLUMNS = `id, organization_id AS "organizationId", target_type AS "targetType", goal_id AS "goalId", name, description, enabled,
  created_at AS "createdAt", last_received_at AS "lastReceivedAt", COALESCE(last_errors, '[]') AS "lastErrors", event_type AS "eventType",
  verification, secret_last_four AS "secretLastFour", signature_header AS "signatureHeader", signature_encoding AS "signatureEncoding",
  transformation, dedupe_header AS "dedupeHeader", dedupe_path AS "dedupePath", accepted_count::float8 AS "acceptedCount",
  duplicate_count::float8 AS "duplicateCount", refused_count::float8 AS "refusedCount"`;

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
  await demandFeature(core, caller);
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

/** @throws ForbiddenError */
export async function demandFeature(core: Core, caller: Caller): Promise<void> {
  const organization = await core.db.prisma.organization.findUnique({ where: { id: caller.organizationId }, select: { features: true } });
  if (!organization?.features.includes("INBOUND_WEBHOOKS")) {
    throw new ForbiddenError("inbound webhooks are switched off for this organization");
  }
}

/** The secret URL as an admin copies it into the source system. @param publicUrl where clients reach us */
export function inboundWebhookUrl(publicUrl: string, webhook: InboundWebhook, key: string): string {
  const target = webhook.goalId === null ? `events/${globalId("InboundWebhook", webhook.id)}` : `goals/${globalId("Goal", webhook.goalId)}`;
  return `${publicUrl}/inbound/${target}/${key}`;
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
export async function changed(
  core: Core,
  caller: Caller,
  action: string,
  statement: { text: string; values: unknown[] },
): Promise<InboundWebhook> {
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const { rows } = await client.query<InboundWebhook>(statement);
    const row = rows[0];
    if (!row) throw new NotFoundError("the inbound webhook");
    await audit(core, caller, action, { type: "InboundWebhook", id: row.id }, undefined, settingsOf(row), client);
    return row;
  });
}

/** What the audit log keeps: what somebody set. */
export function settingsOf(row: InboundWebhook): object {
  const { lastErrors: _1, lastReceivedAt: _2, acceptedCount: _3, duplicateCount: _4, refusedCount: _5, ...settings } = row;
  return settings;
}

export const hashOf = (key: string) => Buffer.from(hashToken(key));

/** @throws ForbiddenError */
export async function findInboundWebhook(core: Core, caller: Caller, id: string): Promise<InboundWebhook | null> {
  demand(caller, "admin");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<InboundWebhook>(`SELECT ${COLUMNS} FROM inbound_webhook WHERE organization_id = $1 AND id = $2`, [caller.organizationId, id]);
  return rows[0] ?? null;
}

/** Newest first (ids are in order of creation). @throws ForbiddenError */
export async function listInboundWebhooks(
  core: Core,
  caller: Caller,
  page: PageOf<string>,
  targetType: InboundTargetType = "GOAL",
): Promise<Slice<InboundWebhook>> {
  demand(caller, "admin");
  const { rows } = await core.db.tenant(caller.organizationId).query<InboundWebhook>(
    `SELECT ${COLUMNS} FROM inbound_webhook WHERE organization_id = $1 AND ($2::uuid IS NULL OR id < $2) AND ($3::uuid IS NULL OR id > $3)
       AND target_type = $5::inbound_target_type ORDER BY id ${page.fromBack ? "ASC" : "DESC"} LIMIT $4`,
    [caller.organizationId, page.after ?? null, page.before ?? null, page.limit + 1, targetType],
  );
  return sliceOf(page, rows);
}

/** All of goals, newest first. @throws ForbiddenError */
export async function allInboundWebhooks(core: Core, caller: Caller): Promise<InboundWebhook[]> {
  demand(caller, "admin");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<InboundWebhook>(`SELECT ${COLUMNS} FROM inbound_webhook WHERE organization_id = $1 AND target_type = 'GOAL' ORDER BY id DESC`, [
      caller.organizationId,
    ]);
  return rows;
}

/** @throws ForbiddenError */
export async function countInboundWebhooks(core: Core, caller: Caller, targetType: InboundTargetType = "GOAL"): Promise<number> {
  demand(caller, "admin");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<{ n: number }>(
      "SELECT count(*) AS n FROM (SELECT 1 FROM inbound_webhook WHERE organization_id = $1 AND target_type = $3::inbound_target_type LIMIT $2) AS counted",
      [caller.organizationId, COUNTED.take, targetType],
    );
  return rows[0]?.n ?? 0;
}

/** @throws ValidationError */
export function check(texts: { name?: string | null | undefined; description?: string | null | undefined }): void {
  const issues = [
    ...(texts.name === undefined || texts.name === null ? [] : nameIssues("name", texts.name, 255)),
    ...textIssues("description", texts.description, 2_000),
  ];
  if (issues.length > 0) throw new ValidationError(issues);
}
