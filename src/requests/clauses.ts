/**
 * The filter as SQL over `webhook_request r`, in two parts. `walk` is what one index serves, in the order of the ids; a
 * statement reads along it. `rest` is asked of each row on the way, and bounds nothing.
 */
import { type Expression, expressionBuilder, type SqlBool, sql } from "kysely";
import type { Database } from "../db/client.ts";
import type { WebhookRequestTable } from "../db/kysely-types.ts";
import { queries, rowsOf } from "../db/queries.ts";
import { familyOf, type RequestFilter, statesOf } from "./filter.ts";
import { CLOCK_SLACK_MS, lowestId, rangeOf } from "./id-range.ts";
import { STATES_OF } from "./row.ts";
import { urlClause } from "./url-clause.ts";

type Clause = Expression<SqlBool>;
const eb = expressionBuilder<{ r: WebhookRequestTable }, "r">();

export interface Clauses {
  walk: Clause[];
  rest: Clause[];
}

/** Only ids above and below these. */
export interface Between {
  above?: string | undefined;
  below?: string | undefined;
}

export const between = ({ above, below }: Between): Clause[] => [
  ...(above === undefined ? [] : [eb("r.id", ">", above)]),
  ...(below === undefined ? [] : [eb("r.id", "<", below)]),
];

/** Those of a list and of a time bound the ids too, so that only their partitions are read. */
function bounds({ ids, createdAfter, createdBefore }: RequestFilter): Clause[] {
  const clauses: Clause[] = [];
  if (ids) {
    const [lowest, highest] = rangeOf(ids);
    clauses.push(eb("r.id", ">=", lowest), eb("r.id", "<=", highest), sql`r.id = any(${ids}::uuid[])`);
  }
  if (createdAfter) clauses.push(eb("r.id", ">=", lowestId(new Date(createdAfter.getTime() - CLOCK_SLACK_MS))));
  if (createdBefore) clauses.push(eb("r.id", "<", lowestId(new Date(createdBefore.getTime() + CLOCK_SLACK_MS))));
  return clauses;
}

function ofType(eventType: string): Clause[] {
  const family = familyOf(eventType);
  if (eventType === "*") return [];
  if (family === undefined) return [eb("r.event_type", "=", eventType)];
  const literal = (text: string) => text.replace(/[\\%_]/g, "\\$&");
  // At least one character behind, or before, the dot.
  return [eb("r.event_type", "like", "prefix" in family ? `${literal(family.prefix)}_%` : `_%${literal(family.suffix)}`)];
}

/**
 * Ask `matchesNothing` first.
 * @param numbers where the request of `filter.number` stands (findNumber)
 */
export function clausesOf(organizationId: string, filter: RequestFilter, numbers?: NumberRange): Clauses {
  const { webhookDefinitionId, eventType, entity, entityId, url, errorCode, number, workflowRuleId, dialect, isTest } = filter;
  const states = statesOf(filter);
  const failed = states?.every((state) => STATES_OF.REJECTED.includes(state)) ?? false;
  const indexed: [Clause[], boolean][] = [
    [entityId === undefined ? [] : [eb("r.entity_id", "=", entityId)], true],
    [failed ? [sql<SqlBool>`r.failed`] : [], true],
    [webhookDefinitionId === undefined ? [] : [eb("r.definition_id", "=", webhookDefinitionId)], true],
    [eventType === undefined ? [] : ofType(eventType), eventType !== undefined && familyOf(eventType) === undefined],
  ];
  // One index leads, the likely shortest; what it does not know is asked of its rows.
  const lead = indexed.find(([clauses, leads]) => leads && clauses.length > 0)?.[0] ?? [];
  const rest = indexed.flatMap(([clauses]) => (clauses === lead ? [] : clauses));
  if (filter.definitionIds) rest.push(sql`r.definition_id = any(${filter.definitionIds}::uuid[])`);
  if (entity !== undefined) rest.push(eb("r.entity", "=", entity));
  if (url !== undefined) rest.push(urlClause(url, filter.urlsMasked ?? false));
  if (states) rest.push(sql`r.state = any(${states}::webhook_request_state[])`);
  if (errorCode !== undefined) rest.push(eb("r.error_code", "=", errorCode));
  if (number !== undefined) rest.push(eb("r.number", "=", number));
  if (filter.createdAfter) rest.push(eb("r.created_at", ">=", filter.createdAfter));
  if (filter.createdBefore) rest.push(eb("r.created_at", "<", filter.createdBefore));
  if (workflowRuleId !== undefined) rest.push(eb("r.workflow_rule_id", "=", workflowRuleId));
  if (dialect !== undefined) rest.push(eb("r.dialect", "=", dialect));
  if (isTest !== undefined) rest.push(eb("r.is_test", "=", isTest));
  if (filter.eventApplicationId !== undefined)
    rest.push(
      sql`exists (select from event e where e.organization_id = r.organization_id and e.id = r.event_id and e.application_id = ${filter.eventApplicationId}::uuid)`,
    );
  const block = numbers ? [eb("r.id", ">=", numbers.first), eb("r.id", "<=", numbers.last)] : [];
  return { walk: [eb("r.organization_id", "=", organizationId), ...bounds(filter), ...block, ...lead], rest };
}

/** The ids among which a number's request stands. */
export interface NumberRange {
  first: string;
  last: string;
}

/** @returns undefined when nobody was given that number, or its partition is gone */
export async function findNumber(db: Database, organizationId: string, number: number): Promise<NumberRange | undefined> {
  const [block] = await rowsOf(
    db.tenant(organizationId),
    queries
      .selectFrom("number_block")
      .select(["first_id as first", "last_id as last", "to_number as to"])
      .where("organization_id", "=", organizationId)
      .where("from_number", "<=", number)
      .orderBy("from_number", "desc")
      .limit(1),
  );
  return block && block.to >= number ? block : undefined;
}
