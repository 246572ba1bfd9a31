/** Webhook definitions: made, changed, deleted (softly: the log keeps naming them). */

import { type Caller, demand } from "../accounts/caller.ts";
import { demandUnchanged, nextUpdate } from "../accounts/unchanged.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { lockCounters, markCancel, markDraining } from "../delivery/lane-chores.ts";
import type { ShapingEngines } from "../delivery/shaping.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { demandDefinitionPlace } from "../quotas/settings.ts";
import { dialects } from "../wire/dialects.ts";
import { codeFrom, codeIssues, conflictOf, lockCatalog, suggestCode } from "./code.ts";
import { auditView, type Columns, columnsFrom } from "./columns.ts";
import { egressOf } from "./egress.ts";
import { destinationsOf, hiddenChange, hiddenOf, keepShownUrl, publishIssues } from "./hiding.ts";
import { demandPlace, demandPortalRoom } from "./portal-place.ts";
import { record } from "./record.ts";
import {
  alignSecrets,
  defaultSigning,
  makeSecrets,
  removeSecrets,
  replaceSecrets,
  type Signing,
  signingIssues,
  signingSecrets,
} from "./secrets.ts";
import { type DefinitionRow, type DefinitionSettings, type DefinitionState, settingsIssues, wholeDefinitionIssues } from "./settings.ts";
import { columnsOf, insert, rowOf, update } from "./sql.ts";
import { type Also, type StateChange, setState } from "./state.ts";

/** They judge a transformation and a payload query before these are stored. */
export interface SourceChecks {
  sandbox: Pick<ShapingEngines["sandbox"], "check">;
  payloadQuery: Pick<ShapingEngines["payloadQuery"], "check">;
}

export interface CreateDefinitionInput extends DefinitionSettings {
  name: string;
  eventTypes: readonly string[];
  /** Suggested from the name when absent. */
  code?: string | null | undefined;
  state?: DefinitionState | undefined;
  /** By default as the dialect says: STANDARD and SUPEROFFICE definitions get a secret, others none. */
  signing?: Signing | undefined;
}

export interface CreatedDefinition {
  definition: DefinitionRow;
  /** To be shown now and never again; null when it has none. */
  signingSecret: string | null;
}

export interface UpdateDefinitionInput extends DefinitionSettings {
  state?: DefinitionState | undefined;
  /** Replaces the present secrets at once, without an overlap. */
  signing?: Signing | undefined;
  /** False takes the secrets away; true keeps them, and is refused where there are none: only a rotation shows a new one. */
  signed?: boolean | undefined;
}

export interface UpdatedDefinition extends CreatedDefinition {
  /** To be emitted as `stateEvents`. */
  changes: StateChange[];
}

const CONFLICTS = {
  webhook_definition_code_key: "another webhook definition has this code",
  webhook_definition_crmcom_name_key: "another definition of this dialect has this name",
};

/**
 * Numbered from 1 per organization, ACTIVE unless said otherwise.
 * @throws ValidationError ConflictError (the code is taken) NotFoundError (an id inside the input) ForbiddenError
 */
export async function createDefinition(
  core: Core,
  caller: Caller,
  given: CreateDefinitionInput,
  checks: SourceChecks,
): Promise<CreatedDefinition> {
  demand(caller, "webhooks:write");
  demandPlace(caller, given.applicationId ?? undefined);
  const input = caller.portal ? { ...given, ...caller.portal } : given;
  const dialect = input.dialect ?? "STANDARD";
  const signing = input.signing ?? defaultSigning(dialect);
  const whole = wholeOf({ dialect, ...NO_TARGET }, input);
  refuseIf([
    ...settingsIssues(input, egressOf(core)),
    ...codeIssues(input.code, dialects[dialect].codes),
    ...signingIssues(signing, dialect),
    ...wholeDefinitionIssues(whole),
    ...publishIssues(caller, null, input),
    ...(await sourceIssues(caller, input, checks)),
  ]);
  const { organizationId } = caller;
  const owner = { id: newId(core.clock), organizationId, dialect };
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      await lockReferences(client, organizationId, input);
      await lockCatalog(client, organizationId);
      await demandPortalRoom(client, caller);
      const code = input.code ?? (await suggestCode(client, "webhook_definition", organizationId, codeFrom(input.name, "webhook")));
      const after = await destinationsOf(client, organizationId, whole);
      const number = await nextNumber(client, organizationId);
      await demandDefinitionPlace(core, client, organizationId, number);
      const definition = await insert<Columns>(client, "webhook_definition", {
        ...columnsFrom(input),
        ...hiddenChange(core, caller, owner, null, input, { before: after, after }).columns,
        ...owner,
        code,
        number,
        ...targetColumns(whole),
        state: input.state ?? "ACTIVE",
        application: caller.application ?? null,
        createdById: caller.userId ?? null,
        createdUnit: caller.unit ?? null,
        updatedById: caller.userId ?? null,
        updatedUnit: caller.unit ?? null,
      });
      const row = definition as unknown as DefinitionRow;
      const signingSecret = await makeSecrets(core, client, owner, row.signatureVersions, signing);
      await recordDefinition(core, client, caller, "create", null, row);
      return { definition: row, signingSecret };
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

const NO_TARGET = { onExhausted: null, targetUrl: null, connectionId: null, scriptId: null, targetType: null };
type Whole = Parameters<typeof wholeDefinitionIssues>[0];

const targetColumns = ({ scriptId }: Whole) => ({
  scriptId,
  targetType: scriptId === null ? ("WEBHOOK" as const) : ("CRMSCRIPT" as const),
});

/** What is given, laid over what was. */
function wholeOf(before: Whole, given: DefinitionSettings): Whole {
  const said = <K extends keyof Whole>(key: K) => (given[key] === undefined ? before[key] : given[key]) as Whole[K];
  return {
    dialect: said("dialect"),
    onExhausted: said("onExhausted"),
    targetUrl: said("targetUrl"),
    connectionId: said("connectionId"),
    scriptId: given.targetType === "WEBHOOK" ? null : said("scriptId"),
    targetType: given.targetType ?? null,
  };
}

/**
 * What is not given stays; null clears. Its code and number never change. A change is used by the next send.
 * @param ifUnchangedSince the `updatedAt` that the caller has seen
 * @param first what is written before it, in the same transaction
 * @throws ValidationError ConflictError NotFoundError ForbiddenError
 */
export async function updateDefinition(
  core: Core,
  caller: Caller,
  id: string,
  given: UpdateDefinitionInput,
  checks: SourceChecks,
  ifUnchangedSince?: Date | null,
  first?: Also,
): Promise<UpdatedDefinition> {
  demand(caller, "webhooks:write");
  demandPlace(caller, given.applicationId);
  refuseIf([...settingsIssues(given, egressOf(core)), ...(await sourceIssues(caller, given, checks))]);
  const { organizationId } = caller;
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      await first?.(client);
      const present = await findLiving(client, organizationId, id);
      // Before the state is set, which moves it; and again where the row is locked.
      await demandUnchanged(client, caller, present, ifUnchangedSince);
      const input = keepShownUrl(caller, given, present);
      const changes = input.state && input.state !== present.state ? await setState(core, client, caller, [id], input.state) : [];
      if (input.ordering !== undefined || input.dialect !== undefined) await lockCounters(client, organizationId, [id]);
      const before = await findLiving(client, organizationId, id, "FOR NO KEY UPDATE");
      if (changes.length === 0) await demandUnchanged(client, caller, before, ifUnchangedSince);
      const whole = wholeOf(before, input);
      const orderingEpoch = await nextEpoch(client, before, input);
      refuseIf([...wholeDefinitionIssues(whole), ...signingIssues(input.signing, whole.dialect), ...publishIssues(caller, before, input)]);
      await lockReferences(client, organizationId, input);
      const hidden = await hiddenOf(core, client, caller, before, whole, input);
      const row = (await update<Columns>(client, "webhook_definition", before, {
        ...columnsFrom(input),
        ...hidden?.columns,
        ...targetColumns(whole),
        orderingEpoch,
        updatedAt: nextUpdate(core, before),
        updatedById: caller.userId ?? null,
        updatedUnit: caller.unit ?? null,
      })) as unknown as DefinitionRow;
      const signingSecret = await updateSecrets(core, client, row, input);
      // What a receiver said of one customer's event is not for the next.
      if (row.applicationId !== before.applicationId)
        await client.query("UPDATE definition_counter SET last_error = NULL WHERE organization_id = $1 AND definition_id = $2", [
          organizationId,
          id,
        ]);
      await recordDefinition(core, client, caller, "update", before, row, hidden?.dropped);
      return { definition: row, changes, signingSecret };
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

const orderingOf = ({ ordering, dialect }: Pick<DefinitionRow, "ordering" | "dialect">) => ordering ?? dialects[dialect].defaults.ordering;

/**
 * A change of ordering is always accepted: what is queued keeps its lanes, and new events go to lanes of a later epoch, which
 * start when those are empty. A change of dialect is refused while requests wait: they were accepted for the other one.
 * @returns the definition's ordering_epoch from now on; its counter is locked
 */
async function nextEpoch(client: PoolClient, before: DefinitionRow, input: DefinitionSettings): Promise<number> {
  const after = { ordering: input.ordering === undefined ? before.ordering : input.ordering, dialect: input.dialect ?? before.dialect };
  if (after.dialect !== before.dialect) {
    const { rows } = await client.query<{ queued: number }>(
      `SELECT count(*) AS queued FROM lane l JOIN lane_entry e ON e.organization_id = l.organization_id AND e.lane_id = l.id
       WHERE l.organization_id = $1 AND l.definition_id = $2`,
      [before.organizationId, before.id],
    );
    const queued = rows[0]?.queued ?? 0;
    if (queued > 0)
      throw new ConflictError(`${queued} requests wait for the dialect ${before.dialect}; let them end, or cancel them`, "REQUESTS_WAIT");
  }
  if (orderingOf(after) === orderingOf(before)) return before.orderingEpoch;
  await markDraining(client, before.organizationId, before.id);
  return before.orderingEpoch + 1;
}

async function updateSecrets(core: Core, client: PoolClient, row: DefinitionRow, input: UpdateDefinitionInput): Promise<string | null> {
  if (input.signed && (await signingSecrets(client, row.id)).length === 0) {
    refuseIf([{ path: "signed", message: "rotateSigningSecret makes its first secret, and shows it" }]);
  }
  if (input.signing === "NONE" || input.signed === false) {
    await removeSecrets(client, row.id);
  } else if (input.signing !== undefined) {
    return replaceSecrets(core, client, row, core.clock.now(), input.signing);
  } else if (input.signatureVersions) {
    await alignSecrets(core, client, row, input.signatureVersions);
  }
  return null;
}

/**
 * Its requests stay in the log, what is queued is cancelled by a chore; name and code are free again.
 * @throws NotFoundError ForbiddenError
 */
export async function deleteDefinition(core: Core, caller: Caller, id: string): Promise<DefinitionRow> {
  demand(caller, "webhooks:write");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    await findLiving(client, caller.organizationId, id);
    await markCancel(client, caller.organizationId, [id]);
    return deleteMarked(core, client, caller, id);
  });
}

/** In the caller's transaction, in which it is marked already (markCancel). */
export async function deleteMarked(core: Core, client: PoolClient, caller: Caller, id: string): Promise<DefinitionRow> {
  const before = await findLiving(client, caller.organizationId, id, "FOR NO KEY UPDATE");
  const now = core.clock.now();
  const row = (await update<Columns>(client, "webhook_definition", before, {
    state: "STOPPED",
    stateReason: "deleted",
    deletedAt: now,
    updatedAt: now,
    updatedById: caller.userId ?? null,
    updatedUnit: caller.unit ?? null,
  })) as unknown as DefinitionRow;
  await recordDefinition(core, client, caller, "delete", before, row);
  return row;
}

/** A week. */
const MAX_OVERLAP_SECONDS = 604_800;
const DEFAULT_OVERLAP_SECONDS = 86_400;

/**
 * New secrets; the former ones sign beside them for `overlapSeconds` (a day unless said, 0: not at all, a week at most).
 * @throws ValidationError NotFoundError ForbiddenError
 */
export async function rotateSigningSecret(
  core: Core,
  caller: Caller,
  id: string,
  overlapSeconds: number | null = DEFAULT_OVERLAP_SECONDS,
): Promise<{ definition: DefinitionRow; signingSecret: string }> {
  demand(caller, "webhooks:write");
  const overlap = overlapSeconds ?? DEFAULT_OVERLAP_SECONDS;
  if (!Number.isInteger(overlap) || overlap < 0 || overlap > MAX_OVERLAP_SECONDS) {
    refuseIf([{ path: "overlapSeconds", message: `must be a whole number from 0 to ${MAX_OVERLAP_SECONDS}` }]);
  }
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const definition = await findLiving(client, caller.organizationId, id, "FOR NO KEY UPDATE");
    const until = new Date(core.clock.now().getTime() + overlap * 1000);
    const signingSecret = await replaceSecrets(core, client, definition, until);
    await record(core, client, caller, {
      action: "webhookDefinition.rotateSigningSecret",
      subjectType: "WebhookDefinition",
      subjectId: id,
      after: { overlapSeconds: overlap, signingSecretLastFour: signingSecret.slice(-4) },
      definitionIds: [id],
    });
    return { definition, signingSecret };
  });
}

/**
 * The current secret in clear, for the one face whose product shows it (SuperOffice); null when there is none.
 * @throws ForbiddenError without `secrets:read`; NotFoundError
 */
export async function readSigningSecret(core: Core, caller: Caller, id: string): Promise<string | null> {
  demand(caller, "secrets:read");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const definition = await findLiving(client, caller.organizationId, id);
    const current = (await signingSecrets(client, id)).find((secret) => secret.expiresAt === null && secret.kind !== "ED25519");
    if (!current) return null;
    return core.vault.open(current.ciphertext, `${definition.organizationId}/${id}/signing/${current.version}`);
  });
}

function refuseIf(issues: Issue[]): void {
  if (issues.length > 0) throw new ValidationError(issues);
}

async function sourceIssues(caller: Caller, settings: DefinitionSettings, checks: SourceChecks): Promise<Issue[]> {
  const { transformation, payloadQuery } = settings;
  const found = transformation
    ? await checks.sandbox.check(transformation, { kind: "TRANSFORMATION", organizationId: caller.organizationId })
    : [];
  return [
    ...(transformation === "" ? [{ path: "transformation", message: "must define function transform(event); null removes it" }] : []),
    ...found.map(({ message }) => ({ path: "transformation", message })),
    ...(payloadQuery === null || payloadQuery === undefined ? [] : checks.payloadQuery.check(payloadQuery)),
  ];
}

/** Held against deletion until the transaction ends. @throws NotFoundError */
async function lockReferences(client: PoolClient, organizationId: string, settings: DefinitionSettings): Promise<void> {
  const references = [
    ["connection", "the connection", settings.connectionId, "FOR KEY SHARE"],
    ["script", "the script", settings.scriptId, "FOR KEY SHARE"],
    ["secret_key", "the secret key", settings.secretKeyId, "FOR KEY SHARE"],
    // Deleted by a mark, which a key's lock does not hold off.
    ["application", "the application", settings.applicationId, "AND deleted_at IS NULL FOR SHARE"],
  ] as const;
  for (const [table, what, id, held] of references) {
    if (id === null || id === undefined) continue;
    const { rowCount } = await client.query(`SELECT 1 FROM ${table} WHERE id = $1 AND organization_id = $2 ${held}`, [id, organizationId]);
    if (rowCount === 0) throw new NotFoundError(what);
  }
}

/** The counter's row is locked until the transaction ends: numbers have no gap and no twin. */
async function nextNumber(client: PoolClient, organizationId: string): Promise<number> {
  const { rows } = await client.query<{ number: number }>(
    "UPDATE organization_counter SET definition_number = definition_number + 1 WHERE organization_id = $1 RETURNING definition_number AS number",
    [organizationId],
  );
  const number = rows[0]?.number;
  if (number === undefined) throw new ConflictError("the organization does not exist any more");
  return number;
}

/** @throws NotFoundError also for a deleted one */
async function findLiving(
  client: PoolClient,
  organizationId: string,
  id: string,
  lock: "" | "FOR NO KEY UPDATE" = "",
): Promise<DefinitionRow> {
  const { rows } = await client.query(
    `SELECT ${columnsOf("webhook_definition")} FROM webhook_definition WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL ${lock}`,
    [id, organizationId],
  );
  if (!rows[0]) throw new NotFoundError("the webhook definition");
  return rowOf<DefinitionRow>(rows[0]);
}

function recordDefinition(
  core: Core,
  client: PoolClient,
  caller: Caller,
  verb: "create" | "update" | "delete",
  before: DefinitionRow | null,
  after: DefinitionRow,
  lost: readonly string[] = [],
): Promise<void> {
  return record(core, client, caller, {
    action: `webhookDefinition.${verb}`,
    subjectType: "WebhookDefinition",
    subjectId: after.id,
    before: before && auditView(core, before),
    after: { ...auditView(core, after), ...(lost.length > 0 && { dropped: lost }) },
    definitionIds: [after.id],
  });
}
