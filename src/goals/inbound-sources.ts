/** Inbound webhooks that make events: made and changed. The rest (delete, rotate, list) is every inbound webhook's. */
import { audit } from "../accounts/audit.ts";
import { type Caller, demand } from "../accounts/caller.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import { lastFour } from "../definitions/secrets.ts";
import type { Sandbox } from "../delivery/sandbox/sandbox.ts";
import { NotFoundError, ValidationError } from "../errors.ts";
import { type SourceInput, type SourceSettings, secretPlace, sourceAfter } from "../inbound/source.ts";
import { newToken } from "../vault.ts";
import {
  COLUMNS,
  changed,
  check,
  demandFeature,
  hashOf,
  type InboundWebhook,
  type InboundWebhookWithKey,
  settingsOf,
} from "./inbound-webhooks.ts";

type Maybe<T> = T | null | undefined;
interface Shown {
  name?: Maybe<string>;
  description?: Maybe<string>;
}
type Checks = { sandbox: Pick<Sandbox, "check"> };

const judge = (caller: Caller, { transformation }: SourceInput, { sandbox }: Checks) =>
  transformation ? sandbox.check(transformation, { kind: "TRANSFORMATION", organizationId: caller.organizationId }) : [];

const settingsColumns = (settings: SourceSettings) => [
  settings.eventType,
  settings.verification,
  settings.signatureHeader,
  settings.signatureEncoding,
  settings.transformation,
  settings.dedupeHeader,
  settings.dedupePath,
];

/**
 * @param input its name is the event type when absent
 * @throws ForbiddenError also when the organization's feature is off · ValidationError
 */
export async function createInboundSource(
  core: Core,
  caller: Caller,
  input: SourceInput & Shown,
  checks: Checks,
): Promise<InboundWebhookWithKey> {
  demand(caller, "admin");
  await demandFeature(core, caller);
  const settings = sourceAfter(undefined, input, await judge(caller, input, checks));
  const name = input.name ?? settings.eventType;
  check({ name, description: input.description });
  const { organizationId } = caller;
  const id = newId(core.clock);
  const key = newToken("hki");
  const secret = input.verification?.secret ?? null;
  const inboundWebhook = await changed(core, caller, "inboundWebhook.create", {
    text: `INSERT INTO inbound_webhook (id, organization_id, target_type, name, description, key_hash, secret_ciphertext, secret_last_four,
         event_type, verification, signature_header, signature_encoding, transformation, dedupe_header, dedupe_path)
       VALUES ($1, $2, 'EVENT', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING ${COLUMNS}`,
    values: [
      ...[id, organizationId, name.trim(), input.description ?? null, hashOf(key)],
      ...(secret === null ? [null, null] : [core.vault.seal(secret, secretPlace(organizationId, id)), lastFour(secret)]),
      ...settingsColumns(settings),
    ],
  });
  return { inboundWebhook, key };
}

/** Whether a change names what only an inbound webhook of events has. */
export const changesSource = (input: SourceInput): boolean =>
  [input.eventType, input.verification, input.transformation, input.dedupe].some((given) => given !== undefined);

/**
 * What is absent stays; null clears description, transformation and dedupe. A verification without a secret keeps the one that is
 * there, as long as the preset stays.
 * @throws NotFoundError ForbiddenError · ValidationError also for a goal's
 */
export async function updateInboundSource(
  core: Core,
  caller: Caller,
  id: string,
  input: SourceInput & Shown & { enabled?: Maybe<boolean> },
  checks: Checks,
): Promise<InboundWebhook> {
  demand(caller, "admin");
  check(input);
  const found = await judge(caller, input, checks);
  const { organizationId } = caller;
  return core.db.tenantTransaction(organizationId, async (client) => {
    const { rows } = await client.query<InboundWebhook>(
      `SELECT ${COLUMNS} FROM inbound_webhook WHERE id = $1 AND organization_id = $2 FOR UPDATE`,
      [id, organizationId],
    );
    const before = rows[0];
    if (!before) throw new NotFoundError("the inbound webhook");
    if (before.eventType === null)
      throw new ValidationError([
        { path: "id", message: "is an inbound webhook of a goal, which makes no events: it has no such settings" },
      ]);
    const settings = sourceAfter({ ...before, eventType: before.eventType }, input, found);
    const secret = input.verification?.secret ?? null;
    const sealed = secret === null ? null : core.vault.seal(secret, secretPlace(organizationId, id));
    const { rows: after } = await client.query<InboundWebhook>(
      `UPDATE inbound_webhook SET name = COALESCE($3, name), description = CASE WHEN $4 THEN $5 ELSE description END,
         enabled = COALESCE($6, enabled), updated_at = now(),
         secret_ciphertext = CASE WHEN $9 = 'NONE' THEN NULL ELSE COALESCE($15, secret_ciphertext) END,
         secret_last_four = CASE WHEN $9 = 'NONE' THEN NULL WHEN $15::text IS NULL THEN secret_last_four ELSE $7 END,
         event_type = $8, verification = $9::text::inbound_verification, signature_header = $10, signature_encoding = $11, transformation = $12,
         dedupe_header = $13, dedupe_path = $14
       WHERE id = $1 AND organization_id = $2 RETURNING ${COLUMNS}`,
      [
        ...[
          id,
          organizationId,
          input.name?.trim() ?? null,
          input.description !== undefined,
          input.description ?? null,
          input.enabled ?? null,
        ],
        ...[secret === null ? null : lastFour(secret), ...settingsColumns(settings), sealed],
      ],
    );
    const row = after[0] as InboundWebhook;
    await audit(core, caller, "inboundWebhook.update", { type: "InboundWebhook", id }, settingsOf(before), settingsOf(row), client);
    return row;
  });
}
