/**
 * What ingest matches events against: an organization's definitions and rules, compiled, kept per process and known
 * by the version that triggers count up in `organization_catalog`. Ingest reads the version inside its transaction,
 * so that a definition made before an event always matches it, whichever process made it.
 */
import type { Pool, PoolClient } from "pg";
import type { Issue } from "../errors.ts";
import type { DefinitionView, DialectName, EventView, Ordering } from "../wire/dialect.ts";
import { dialects } from "../wire/dialects.ts";
import {
  compileCatalog,
  type Exhausted,
  isOwnEvent,
  type Match,
  type MatchDefinition,
  type MatchEvent,
  type Matcher,
  type MatchRule,
  type MatchWebService,
} from "./match.ts";
import { judgeEvents } from "./schemas/events.ts";

/** What ingest writes into a new request of a definition. */
export interface CatalogDefinition {
  id: string;
  number: number;
  dialect: DialectName;
  /** The lanes its requests go to. */
  ordering: Ordering;
  /** Counts the changes of its ordering: part of which lane. */
  orderingEpoch: number;
  targetType: "WEBHOOK" | "CRMSCRIPT";
  fieldsSet: readonly string[];
  /** Where the event would go as things stand; null: the dialect sends nothing for it, or a script is the target. */
  url(event: EventView): string | null;
}

export interface Catalog {
  /** organization_catalog.version when it was loaded, or older. */
  version: number;
  /** All deliveries of the organization are paused. */
  paused: boolean;
  /** False: the organization enforces its event types, and this is none of them. */
  accepts(eventType: string): boolean;
  /** What is wrong with payloads by their types' schemas, at paths `events.<i>.payload…`; undefined: nothing is judged. */
  judge: ((events: readonly { type: string; payload: string }[]) => Promise<Issue[]>) | undefined;
  /** By which payloads of a type are judged, as JSON text; undefined: by nothing. */
  schema(eventType: string): string | undefined;
  /** The UUID behind an application's uid; undefined: there is none. */
  applicationId(uid: string): string | undefined;
  /** In the order in which the requests are numbered; see match.ts. */
  match(event: MatchEvent): Match[];
  /** As Matcher.walk. */
  walk: Matcher["walk"];
  definition(id: string): CatalogDefinition | undefined;
}

export interface Catalogs {
  /**
   * The catalogues of some organizations, as of `client`'s transaction. One SELECT when nothing changed.
   * Unknown organizations are left out.
   */
  of(client: Queryable, organizationIds: readonly string[]): Promise<Map<string, Catalog>>;
  /** The one kept in memory, which may be an older one by now: whoever writes with it lets the database compare its version. */
  kept(organizationId: string): Catalog | undefined;
  /** Forgets all: the database is in another life, and may hand out the same versions for other things. */
  clear(): void;
}

type Queryable = Pool | PoolClient;

/** Organizations kept per process; the one loaded longest ago goes first. */
const MAX_CACHED = 2000;

/** Told of a filter that an event cost more steps than it may take; the event did not match. */
export type OnExhausted = (organizationId: string, filter: Exhausted) => void;

export function createCatalogs(onExhausted: OnExhausted = () => undefined): Catalogs {
  const kept = new Map<string, Catalog>();
  return {
    of: (client, organizationIds) => catalogsOf(kept, onExhausted, client, organizationIds),
    kept: (id) => kept.get(id),
    clear: () => kept.clear(),
  };
}

async function catalogsOf(
  catalogs: Map<string, Catalog>,
  onExhausted: OnExhausted,
  client: Queryable,
  organizationIds: readonly string[],
): Promise<Map<string, Catalog>> {
  const versions = await client.query<{ organization_id: string; version: number }>({
    name: "catalog-versions",
    text: "SELECT organization_id, version FROM organization_catalog WHERE organization_id = ANY($1::uuid[])",
    values: [organizationIds],
  });
  const found = new Map<string, Catalog>();
  for (const { organization_id: id, version } of versions.rows) {
    let catalog = catalogs.get(id);
    // A transaction that began earlier may see an older version than the one kept: it gets its own, unkept.
    if (catalog?.version !== version) {
      const loaded = await loadCatalog(client, id, version, (filter) => onExhausted(id, filter));
      if (!catalog || catalog.version < version) keep(catalogs, id, loaded);
      catalog = loaded;
    }
    found.set(id, catalog);
  }
  return found;
}

function keep(catalogs: Map<string, Catalog>, id: string, catalog: Catalog): void {
  catalogs.delete(id);
  catalogs.set(id, catalog);
  const oldest = catalogs.keys().next().value;
  if (catalogs.size > MAX_CACHED && oldest !== undefined) catalogs.delete(oldest);
}

interface DefinitionRow {
  id: string;
  number: number;
  application_id: string | null;
  dialect: DialectName;
  state: "ACTIVE" | "STOPPED" | "TOO_MANY_ERRORS";
  event_types: string[];
  filter: unknown;
  target_type: "WEBHOOK" | "CRMSCRIPT";
  target_url: string | null;
  connection_id: string | null;
  url_added: string | null;
  url_edited: string | null;
  url_deleted: string | null;
  url_status: string | null;
  ordering: Ordering | null;
  ordering_epoch: number;
  fields_set: string[];
}

// The version is read before the rows: rows newer than their version are loaded once more, never too seldom.
async function loadCatalog(
  client: Queryable,
  organizationId: string,
  version: number,
  onExhausted: (filter: Exhausted) => void,
): Promise<Catalog> {
  const definitions = await loadDefinitions(client, organizationId);
  const services = await loadWebServices(client, organizationId);
  const rules = await loadRules(client, organizationId);
  const { known, schemas, paused } = await organizationOf(client, organizationId);
  const applications = await loadApplications(client, organizationId);
  const matcher = compileCatalog(
    definitions.map((row) => matchDefinition(row, services.get(row.id) ?? [])),
    rules,
    onExhausted,
  );
  const byId = new Map(definitions.map((row) => [row.id, catalogDefinition(row)]));
  return {
    version,
    paused,
    judge: schemas && ((events) => judgeEvents(organizationId, schemas, events)),
    schema: (eventType) => (isOwnEvent(eventType) ? undefined : schemas?.get(eventType)),
    accepts: (eventType) => known === undefined || known.has(eventType) || isOwnEvent(eventType),
    applicationId: (uid) => applications.get(uid),
    match: (event) => matcher.match(event),
    walk: (event) => matcher.walk(event),
    definition: (id) => byId.get(id),
  };
}

/** One definition, by itself and as if it were ACTIVE: which events it takes today. */
export interface Taker {
  definition: CatalogDefinition;
  active: boolean;
  /** Whether it may take an event, as far as can be said without its payload. */
  mayTake(event: MatchEvent): boolean;
  /** Whether `mayTake` says all there is to say. */
  needsPayload: boolean;
  match(event: MatchEvent): Match | undefined;
}

/** Undefined: there is no such definition. */
export async function takerOf(client: Queryable, organizationId: string, definitionId: string): Promise<Taker | undefined> {
  const row = (await loadDefinitions(client, organizationId, definitionId))[0];
  if (!row) return undefined;
  const services = (await loadWebServices(client, organizationId)).get(row.id) ?? [];
  const rules = (await loadRules(client, organizationId)).filter((rule) => rule.definitionIds.includes(definitionId));
  const definition = { ...matchDefinition(row, services), active: true };
  const exact = compileCatalog([definition], rules);
  const coarse = compileCatalog(
    [{ ...definition, filter: null }],
    rules.map((rule) => ({ ...rule, condition: null })),
  );
  return {
    definition: catalogDefinition(row),
    active: row.state === "ACTIVE",
    mayTake: (event) => coarse.match(event).length > 0,
    needsPayload: definition.filter !== null || rules.some((rule) => rule.active && rule.condition !== null),
    match: (event) => exact.match(event)[0],
  };
}

async function loadDefinitions(client: Queryable, organizationId: string, only: string | null = null): Promise<DefinitionRow[]> {
  const definitions = await client.query<DefinitionRow>(
    `SELECT d.id, d.number, d.application_id, d.dialect, d.state, d.event_types, d.filter, d.target_type, d.target_url, d.connection_id,
            c.url_added, c.url_edited, c.url_deleted, c.url_status, d.ordering, d.ordering_epoch, d.fields_set
     FROM webhook_definition d LEFT JOIN connection c ON c.id = d.connection_id
     WHERE d.organization_id = $1 AND d.deleted_at IS NULL AND ($2::uuid IS NULL OR d.id = $2)`,
    [organizationId, only],
  );
  return definitions.rows;
}

function matchDefinition(row: DefinitionRow, webServices: MatchWebService[]): MatchDefinition {
  const { id, number, application_id: applicationId, dialect, filter } = row;
  return { id, number, applicationId, dialect, active: row.state === "ACTIVE", eventTypes: row.event_types, filter, webServices };
}

function catalogDefinition(row: DefinitionRow): CatalogDefinition {
  const dialect = dialects[row.dialect];
  const connection =
    row.connection_id === null ? null : { added: row.url_added, edited: row.url_edited, deleted: row.url_deleted, status: row.url_status };
  // A target depends on these two and the event alone; secrets and policy are loaded by the sender.
  const view = { targetUrl: row.target_url, connection } as DefinitionView;
  return {
    id: row.id,
    number: row.number,
    dialect: row.dialect,
    ordering: row.ordering ?? dialect.defaults.ordering,
    orderingEpoch: row.ordering_epoch,
    targetType: row.target_type,
    fieldsSet: row.fields_set,
    url: (event) => dialect.target(event, view),
  };
}

async function loadWebServices(client: Queryable, organizationId: string): Promise<Map<string, MatchWebService[]>> {
  const { rows } = await client.query<MatchWebService & { definition_id: string }>(
    "SELECT definition_id, form, project, events FROM web_service WHERE organization_id = $1 AND definition_id IS NOT NULL",
    [organizationId],
  );
  return Map.groupBy(rows, (row) => row.definition_id);
}

/** Ids by uid. */
async function loadApplications(client: Queryable, organizationId: string): Promise<Map<string, string>> {
  const { rows } = await client.query<{ uid: string; id: string }>(
    "SELECT uid, id FROM application WHERE organization_id = $1 AND deleted_at IS NULL",
    [organizationId],
  );
  return new Map(rows.map(({ uid, id }) => [uid, id]));
}

interface RuleRow {
  id: string;
  entity: string;
  state: "ACTIVE" | "STOPPED";
  priority: "LOW" | "MEDIUM" | "HIGH";
  created_at: Date;
  condition: unknown;
  definition_ids: string[];
}

async function loadRules(client: Queryable, organizationId: string): Promise<MatchRule[]> {
  const { rows } = await client.query<RuleRow>(
    `SELECT r.id, r.entity, r.state, r.priority, r.created_at, r.condition, array_agg(n.definition_id ORDER BY n.position) AS definition_ids
     FROM workflow_rule r JOIN workflow_rule_definition n ON n.rule_id = r.id
     WHERE r.organization_id = $1 AND r.deleted_at IS NULL GROUP BY r.id`,
    [organizationId],
  );
  return rows.map(({ state, created_at, definition_ids, ...rule }) => ({
    ...rule,
    active: state === "ACTIVE",
    createdAt: created_at,
    definitionIds: definition_ids,
  }));
}

interface OrganizationFacts {
  /** Undefined: any event type is accepted. */
  known: Set<string> | undefined;
  /** JSON texts by the names of types that have one; undefined: payloads are not judged. */
  schemas: ReadonlyMap<string, string> | undefined;
  paused: boolean;
}

async function organizationOf(client: Queryable, organizationId: string): Promise<OrganizationFacts> {
  const { rows } = await client.query<{ enforce: boolean; names: string[]; schemas: [string, string][] | null; paused: boolean }>(
    `SELECT o.enforce_event_types AS enforce, array(SELECT name FROM event_type WHERE organization_id = o.id) AS names,
       CASE WHEN o.enforce_event_types AND o.enforce_schemas THEN (
         SELECT COALESCE(json_agg(json_build_array(t.name, t.schema::text)), '[]') FROM event_type t
          WHERE t.organization_id = o.id AND jsonb_typeof(t.schema) IN ('object', 'boolean')) END AS schemas,
       o.deliveries_paused_at IS NOT NULL AS paused
     FROM organization o WHERE o.id = $1`,
    [organizationId],
  );
  const [row] = rows;
  const schemas = row?.schemas ? new Map(row.schemas) : undefined;
  return { known: row?.enforce ? new Set(row.names) : undefined, schemas, paused: row?.paused ?? false };
}
