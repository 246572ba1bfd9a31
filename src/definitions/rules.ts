/**
 * Workflow rules: a named condition on an entity that triggers definitions. Only an ACTIVE rule is effective. Deleted
 * softly: the requests that it triggered keep naming it.
 */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED, newestFirst } from "../accounts/keyset.ts";
import { demandUnchanged, nextUpdate } from "../accounts/unchanged.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Prisma, WorkflowRule } from "../db/generated/prisma/client.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { codeFrom, codeIssues, conflictOf, lockCatalog, suggestCode } from "./code.ts";
import { checkFilter } from "./filter.ts";
import { record } from "./record.ts";
import type { DefinitionRow } from "./settings.ts";
import { columnsOf, insert, Json, rowOf, update } from "./sql.ts";
import { jsonIssues, nameIssues, textIssues } from "./text.ts";

export interface RuleSettings {
  name?: string | undefined;
  description?: string | null | undefined;
  /** In the language of filters; null: always. */
  condition?: unknown;
  priority?: "LOW" | "MEDIUM" | "HIGH" | undefined;
  state?: "ACTIVE" | "STOPPED" | undefined;
  /** UUIDs, in the order in which they are triggered. */
  webhookDefinitionIds?: readonly string[] | undefined;
  /** The same ids action by action, as they were given: in order, with repetitions. Without it they are one action. */
  actions?: readonly (readonly string[])[] | undefined;
  /** No other rule on one of these entities may have its name. */
  uniqueAmong?: readonly string[] | undefined;
}

export interface CreateRuleInput extends RuleSettings {
  name: string;
  /** Suggested from the name when absent; printable text when `freeCode` (CRM.COM's alternative codes). */
  code?: string | null | undefined;
  freeCode?: boolean;
  /** Equals the event's, case included. */
  entity: string;
  webhookDefinitionIds: readonly string[];
}

const CONFLICTS = { workflow_rule_code_key: "another workflow rule has this code" };
const MAX_DEFINITIONS = 100;
type Columns = { [K in keyof WorkflowRule]: WorkflowRule[K] | (K extends "condition" | "actions" ? Json : never) };

function issuesOf({ name, description, condition, webhookDefinitionIds }: RuleSettings): Issue[] {
  const tooMany = (webhookDefinitionIds?.length ?? 0) > MAX_DEFINITIONS;
  return [
    ...(name === undefined ? [] : nameIssues("name", name, 255)),
    ...textIssues("description", description, 4000),
    ...jsonIssues("condition", condition, 65_536),
    ...checkFilter(condition, "condition"),
    ...(tooMany ? [{ path: "webhookDefinitionIds", message: `must be at most ${MAX_DEFINITIONS}` }] : []),
  ];
}

/** @throws ValidationError ConflictError (the code or name is taken) NotFoundError (a definition) ForbiddenError */
export async function createRule(core: Core, caller: Caller, input: CreateRuleInput): Promise<WorkflowRule> {
  demand(caller, "webhooks:write");
  const issues = [
    ...issuesOf(input),
    ...nameIssues("entity", input.entity, 255),
    ...codeIssues(input.code, input.freeCode ? "PRINTABLE" : "PLAIN"),
  ];
  if (issues.length > 0) throw new ValidationError(issues);
  const { organizationId } = caller;
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      await lockCatalog(client, organizationId);
      await demandUniqueName(client, organizationId, input);
      const rule = (await insert<Columns>(client, "workflow_rule", {
        ...columnsFrom(input),
        id: newId(core.clock),
        organizationId,
        name: input.name,
        entity: input.entity,
        code: input.code ?? (await suggestCode(client, "workflow_rule", organizationId, codeFrom(input.name, "rule"))),
        createdById: caller.userId ?? null,
        createdUnit: caller.unit ?? null,
        updatedById: caller.userId ?? null,
        updatedUnit: caller.unit ?? null,
      })) as WorkflowRule;
      await nameDefinitions(client, rule, input.webhookDefinitionIds);
      await recordRule(core, client, caller, "create", null, rule, input.webhookDefinitionIds);
      return rule;
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

/** What is not given stays. Entity and code never change. @throws ValidationError ConflictError NotFoundError ForbiddenError */
export async function updateRule(
  core: Core,
  caller: Caller,
  id: string,
  input: RuleSettings,
  ifUnchangedSince?: Date | null,
): Promise<WorkflowRule> {
  demand(caller, "webhooks:write");
  const issues = issuesOf(input);
  if (issues.length > 0) throw new ValidationError(issues);
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    await lockCatalog(client, caller.organizationId);
    const before = await findLiving(client, caller.organizationId, id);
    await demandUnchanged(client, caller, before, ifUnchangedSince);
    if (input.name !== before.name) await demandUniqueName(client, caller.organizationId, input);
    const rule = (await update<Columns>(client, "workflow_rule", before, {
      ...columnsFrom(input),
      updatedAt: nextUpdate(core, before),
      updatedById: caller.userId ?? null,
      updatedUnit: caller.unit ?? null,
    })) as WorkflowRule;
    if (input.webhookDefinitionIds) await nameDefinitions(client, rule, input.webhookDefinitionIds);
    await recordRule(core, client, caller, "update", before, rule, input.webhookDefinitionIds);
    return rule;
  });
}

/** Its code is free again. @throws NotFoundError ForbiddenError */
export async function deleteRule(core: Core, caller: Caller, id: string): Promise<WorkflowRule> {
  demand(caller, "webhooks:write");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    await lockCatalog(client, caller.organizationId);
    const before = await findLiving(client, caller.organizationId, id);
    const now = core.clock.now();
    const rule = (await update<Columns>(client, "workflow_rule", before, {
      deletedAt: now,
      updatedAt: now,
      updatedById: caller.userId ?? null,
      updatedUnit: caller.unit ?? null,
    })) as WorkflowRule;
    await recordRule(core, client, caller, "delete", before, rule);
    return rule;
  });
}

function columnsFrom({ name, description, condition, priority, state, webhookDefinitionIds, actions }: RuleSettings): Partial<Columns> {
  const columns = {
    ...{ name, description, priority, state, condition: condition === undefined ? undefined : new Json(condition) },
    actions: webhookDefinitionIds === undefined ? undefined : new Json(actions),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as Partial<Columns>;
}

/** Needs `lockCatalog`, so that of two at once one is refused. @throws ConflictError */
async function demandUniqueName(client: PoolClient, organizationId: string, { name, uniqueAmong }: RuleSettings): Promise<void> {
  if (name === undefined || uniqueAmong === undefined) return;
  const { rowCount } = await client.query(
    "SELECT 1 FROM workflow_rule WHERE organization_id = $1 AND deleted_at IS NULL AND name = $2 AND entity = ANY($3::text[]) LIMIT 1",
    [organizationId, name, uniqueAmong],
  );
  if (rowCount) throw new ConflictError("another workflow rule has this name");
}

/** @throws NotFoundError for one that is unknown, deleted, or another organization's */
async function nameDefinitions(client: PoolClient, rule: WorkflowRule, ids: readonly string[]): Promise<void> {
  const wanted = [...new Set(ids)];
  const found = await client.query(
    "SELECT id FROM webhook_definition WHERE organization_id = $1 AND deleted_at IS NULL AND id = ANY($2::uuid[]) FOR KEY SHARE",
    [rule.organizationId, wanted],
  );
  if (found.rows.length !== wanted.length) throw new NotFoundError("a webhook definition");
  await client.query("DELETE FROM workflow_rule_definition WHERE rule_id = $1", [rule.id]);
  await client.query(
    `INSERT INTO workflow_rule_definition (rule_id, definition_id, position, organization_id)
     SELECT $1, one.id, one.position, $3 FROM unnest($2::uuid[]) WITH ORDINALITY AS one (id, position)`,
    [rule.id, wanted, rule.organizationId],
  );
}

async function findLiving(client: PoolClient, organizationId: string, id: string): Promise<WorkflowRule> {
  const { rows } = await client.query(
    `SELECT ${columnsOf("workflow_rule")} FROM workflow_rule WHERE id = $1 AND organization_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE`,
    [id, organizationId],
  );
  if (!rows[0]) throw new NotFoundError("the workflow rule");
  return rowOf<WorkflowRule>(rows[0]);
}

function recordRule(
  core: Core,
  client: PoolClient,
  caller: Caller,
  verb: "create" | "update" | "delete",
  before: WorkflowRule | null,
  after: WorkflowRule,
  webhookDefinitionIds?: readonly string[],
): Promise<void> {
  return record(core, client, caller, {
    action: `workflowRule.${verb}`,
    subjectType: "WorkflowRule",
    subjectId: after.id,
    before,
    after: webhookDefinitionIds ? { ...after, webhookDefinitionIds } : after,
  });
}

/** What is read along with the rows: relations, in Prisma's words, as a door was asked for them. */
export type RulesAlong = Pick<Prisma.WorkflowRuleFindManyArgs, "include">;

export type RuleKey = { id: string } | { code: string } | { name: string };

export interface RuleFilter {
  state?: readonly ("ACTIVE" | "STOPPED")[] | undefined;
  entity?: string | undefined;
  /** One of these. */
  entities?: readonly string[] | undefined;
  createdAfter?: Date | undefined;
  /** Exclusive. */
  createdBefore?: Date | undefined;
}

function whereOf(organizationId: string, filter: RuleFilter) {
  const { state, entity, entities, createdAfter, createdBefore } = filter;
  return {
    organizationId,
    deletedAt: null,
    ...(state && { state: { in: [...state] } }),
    ...(entity !== undefined ? { entity } : entities && { entity: { in: [...entities] } }),
    ...((createdAfter || createdBefore) && {
      createdAt: { ...(createdAfter && { gte: createdAfter }), ...(createdBefore && { lt: createdBefore }) },
    }),
  };
}

/**
 * Null when there is none.
 * @param entities only a rule on one of these
 * @throws ConflictError for a name that several rules have; ForbiddenError
 */
export async function findRule(core: Core, caller: Caller, key: RuleKey, entities?: readonly string[]): Promise<WorkflowRule | null> {
  demand(caller, "webhooks:read");
  const where = { ...key, organizationId: caller.organizationId, deletedAt: null, ...(entities && { entity: { in: [...entities] } }) };
  const [found, another] = await core.db.prisma.workflowRule.findMany({ where, orderBy: { id: "asc" }, take: 2 });
  if (another) throw new ConflictError("several workflow rules have this name", "AMBIGUOUS_NAME");
  return found ?? null;
}

/** Newest first. @throws ForbiddenError */
export async function listRules(
  core: Core,
  caller: Caller,
  filter: RuleFilter,
  page: PageOf<string>,
  along: RulesAlong = {},
): Promise<Slice<WorkflowRule>> {
  demand(caller, "webhooks:read");
  const rows = await core.db.prisma.workflowRule.findMany({ ...along, ...newestFirst(whereOf(caller.organizationId, filter), page) });
  return sliceOf(page, rows);
}

/** The same by offset, for the faces whose contract says so. @throws ForbiddenError */
export async function listRulesByOffset(
  core: Core,
  caller: Caller,
  filter: RuleFilter,
  range: { limit: number; offset: number },
): Promise<WorkflowRule[]> {
  demand(caller, "webhooks:read");
  const where = whereOf(caller.organizationId, filter);
  return core.db.prisma.workflowRule.findMany({ where, orderBy: { id: "desc" }, take: range.limit, skip: range.offset });
}

/** @throws ForbiddenError */
export async function countRules(core: Core, caller: Caller, filter: RuleFilter): Promise<number> {
  demand(caller, "webhooks:read");
  return core.db.prisma.workflowRule.count({ ...COUNTED, where: whereOf(caller.organizationId, filter) });
}

/** The living definitions that these rules name, by rule, in each rule's order. */
export async function definitionsOfRules(
  core: Core,
  organizationId: string,
  ruleIds: readonly string[],
): Promise<Map<string, DefinitionRow[]>> {
  const rows = await core.db.prisma.workflowRuleDefinition.findMany({
    where: { organizationId, ruleId: { in: [...ruleIds] }, definition: { deletedAt: null } },
    orderBy: { position: "asc" },
    include: { definition: true },
  });
  return new Map([...Map.groupBy(rows, (row) => row.ruleId)].map(([id, group]) => [id, group.map(({ definition }) => definition)]));
}
