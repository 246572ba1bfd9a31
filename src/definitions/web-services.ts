/**
 * doForms' web services: who is notified of the records of a form and project, through which connection, and with which
 * id and password the receiver calls back. A web service with a target is a definition of the dialect DOFORMS.
 */
import { type Caller, demand } from "../accounts/caller.ts";
import { checkAtDoor } from "../accounts/password-door.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { markCancel } from "../delivery/lane-chores.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { hashPassword } from "../passwords/hash.ts";
import { createDefinition, deleteDefinition, deleteMarked, type SourceChecks, updateDefinition } from "./definitions.ts";
import { RECORD_EVENTS } from "./match.ts";
import { record } from "./record.ts";
import { setState } from "./state.ts";
import { nameIssues, textIssues } from "./text.ts";

export interface WebService {
  /** UUID. */
  id: string;
  organizationId: string;
  /** The client's own id, unique in the installation: `acme$$1234$$Published$$5678`. */
  externalId: string;
  form: string;
  project: string;
  /** UUID; null without a target. */
  connectionId: string | null;
  /** added, edited, deleted, status */
  events: string[];
  /** UUID of the living definition; null without a target. */
  definitionId: string | null;
  /** UUID of the definition that its latest target made, also when that was deleted; null before the first. */
  lastDefinitionId: string | null;
}

export interface WebServiceInput {
  id: string;
  form: string;
  project: string;
  password: string;
}

/** The record actions a web service can choose. */
export const RECORD_ACTIONS = Object.values(RECORD_EVENTS);

/** Without a colon: `{id}:{password}` is split at the first. */
const EXTERNAL_ID = /^[!-9;-~]{1,200}$/;
const MAX_PASSWORD = 400;

const SELECT = `
  SELECT w.id, w.organization_id AS "organizationId", w.external_id AS "externalId", w.form, w.project, w.events, w.password_hash AS "passwordHash",
    d.id AS "definitionId", w.definition_id AS "lastDefinitionId", d.connection_id AS "connectionId", d.event_types AS "eventTypes"
  FROM web_service w LEFT JOIN webhook_definition d ON d.id = w.definition_id AND d.deleted_at IS NULL`;

/** Nobody comes in to an organization that is being erased; the session of a token may have been made as that began. */
const IS_OPEN = "NOT EXISTS (SELECT FROM organization_erasure e WHERE e.organization_id = w.organization_id)";

type Row = WebService & { passwordHash: string; eventTypes: string[] | null };

/** What its definition sends, whatever two who set a target at once left in the web service's row; in the order that was asked for. */
function shown({ passwordHash: _, eventTypes, ...service }: Row): WebService {
  if (eventTypes === null) return service;
  const sent = eventTypes.flatMap((type) => RECORD_EVENTS[type] ?? []);
  const asked = service.events.filter((event) => sent.includes(event));
  return { ...service, events: [...asked, ...sent.filter((event) => !asked.includes(event))] };
}

/** @throws ValidationError ConflictError (the id is taken, by whomever) ForbiddenError */
export async function createWebService(core: Core, caller: Caller, input: WebServiceInput): Promise<WebService> {
  demand(caller, "webhooks:write");
  const issues: Issue[] = [
    ...(EXTERNAL_ID.test(input.id) ? [] : [{ path: "id", message: "must be 1 to 200 visible ASCII characters without a colon" }]),
    // It stands in paths, where clients take them for steps.
    ...(input.id === "." || input.id === ".." ? [{ path: "id", message: "must not be . or .." }] : []),
    ...nameIssues("form", input.form, 255),
    ...nameIssues("project", input.project, 255),
    ...(input.password === ""
      ? [{ path: "password", message: "must not be empty" }]
      : textIssues("password", input.password, MAX_PASSWORD)),
  ];
  if (issues.length > 0) throw new ValidationError(issues);
  const passwordHash = await hashPassword(input.password);
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const id = newId(core.clock);
    const { rowCount } = await client.query(
      `INSERT INTO web_service (id, organization_id, external_id, form, project, password_hash, events) VALUES ($1, $2, $3, $4, $5, $6, '{}')
       ON CONFLICT (external_id) DO NOTHING`,
      [id, caller.organizationId, input.id, input.form, input.project, passwordHash],
    );
    if (rowCount === 0) throw new ConflictError(`the id ${input.id} is taken`);
    const service = await get(client, caller.organizationId, input.id);
    await record(core, client, caller, { action: "webService.create", subjectType: "WebService", subjectId: id, after: service });
    return service;
  });
}

/** Newest first. @throws ForbiddenError */
export async function listWebServices(core: Core, caller: Caller): Promise<WebService[]> {
  demand(caller, "webhooks:read");
  const { rows } = await core.db
    .tenant(caller.organizationId)
    .query<Row>(`${SELECT} WHERE w.organization_id = $1 ORDER BY w.id DESC`, [caller.organizationId]);
  return rows.map(shown);
}

/** @param externalId its own id @throws NotFoundError ForbiddenError */
export async function findWebService(core: Core, caller: Caller, externalId: string): Promise<WebService> {
  demand(caller, "webhooks:read");
  return get(core.db.pool, caller.organizationId, externalId);
}

/** Its definition ends with it: what is queued is not sent, and its credentials are good no more. @throws NotFoundError ForbiddenError */
export async function deleteWebService(core: Core, caller: Caller, externalId: string): Promise<WebService> {
  demand(caller, "webhooks:write");
  const { id } = await get(core.db.pool, caller.organizationId, externalId);
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    // Whoever gives it a target at this moment is waited for, or finds it gone.
    await client.query("SELECT FROM web_service WHERE id = $1 FOR UPDATE", [id]);
    const service = await get(client, caller.organizationId, externalId);
    if (service.definitionId !== null) {
      await markCancel(client, caller.organizationId, [service.definitionId]);
      await deleteMarked(core, client, caller, service.definitionId);
    }
    await client.query("DELETE FROM web_service WHERE id = $1", [service.id]);
    await record(core, client, caller, { action: "webService.delete", subjectType: "WebService", subjectId: service.id, before: service });
    return service;
  });
}

/**
 * Gives a web service its target: from now on it is notified of these record events of its form and project. The first
 * target makes its definition, a later one changes it, so that notifications keep their web service.
 * @param target connectionId a UUID; events of RECORD_ACTIONS
 * @throws ValidationError NotFoundError ForbiddenError
 */
export async function setTarget(
  core: Core,
  caller: Caller,
  externalId: string,
  target: { connectionId: string; events: readonly string[] },
  checks: SourceChecks,
): Promise<WebService> {
  demand(caller, "webhooks:write");
  const unknown = target.events.filter((event) => !RECORD_ACTIONS.includes(event));
  if (unknown.length > 0) {
    throw new ValidationError([{ path: "events", message: `${unknown[0]} is none of ${RECORD_ACTIONS.join(", ")}` }]);
  }
  const service = await get(core.db.pool, caller.organizationId, externalId);
  const connection = await core.db.prisma.connection.findFirst({
    where: { id: target.connectionId, organizationId: caller.organizationId },
    select: { id: true },
  });
  if (!connection) throw new NotFoundError("the connection");
  const events = [...new Set(target.events)];
  const eventTypes = Object.keys(RECORD_EVENTS).filter((type) => events.includes(RECORD_EVENTS[type] as string));
  const settings = { connectionId: target.connectionId, eventTypes, filter: { scope: { form: service.form, project: service.project } } };
  if (service.definitionId !== null) {
    const linked = { definitionId: service.definitionId, connectionId: target.connectionId, events };
    await updateDefinition(core, caller, service.definitionId, settings, checks, undefined, async (client) => {
      if (await link(core, client, caller, service, linked)) return;
      await get(client, caller.organizationId, externalId);
      throw new ConflictError("another target was set at the same moment; try again");
    });
  } else {
    // Stopped until it is linked: alone it would notify of every record event, and without a web service's id.
    const made = { ...settings, name: `doForms ${externalId}`.slice(0, 255), dialect: "DOFORMS", state: "STOPPED" } as const;
    const { definition } = await createDefinition(core, caller, made, checks);
    const linked = { definitionId: definition.id, connectionId: target.connectionId, events };
    const isLinked = await core.db.tenantTransaction(caller.organizationId, (client) => link(core, client, caller, service, linked));
    if (!isLinked) {
      // Somebody else gave it a target at the same moment: that definition is the one to change.
      await deleteDefinition(core, caller, definition.id);
      return setTarget(core, caller, externalId, target, checks);
    }
  }
  return get(core.db.pool, caller.organizationId, externalId);
}

/** In the caller's transaction. @returns false when it is gone, or has another definition meanwhile */
async function link(
  core: Core,
  client: PoolClient,
  caller: Caller,
  service: WebService,
  linked: { definitionId: string; connectionId: string; events: string[] },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE web_service w SET definition_id = $2, connection_id = $3, events = $4 WHERE w.id = $1 AND
       (w.definition_id IS NULL OR w.definition_id = $2 OR EXISTS (SELECT 1 FROM webhook_definition d WHERE d.id = w.definition_id AND d.deleted_at IS NOT NULL))`,
    [service.id, linked.definitionId, linked.connectionId, linked.events],
  );
  if (rowCount === 0) return false;
  if (service.definitionId === null) await setState(core, client, caller, [linked.definitionId], "ACTIVE");
  await record(core, client, caller, {
    action: "webService.setTarget",
    subjectType: "WebService",
    subjectId: service.id,
    before: service,
    after: { ...service, ...linked },
  });
  return true;
}

async function get(db: Pick<PoolClient, "query">, organizationId: string, externalId: string): Promise<WebService> {
  // What can be no id is not asked for: Postgres takes no NUL.
  const { rows } = EXTERNAL_ID.test(externalId)
    ? await db.query<Row>(`${SELECT} WHERE w.organization_id = $1 AND w.external_id = $2`, [organizationId, externalId])
    : { rows: [] };
  if (!rows[0]) throw new NotFoundError("the web service");
  return shown(rows[0]);
}

/**
 * The web service of this id and password; undefined for an unknown id and a wrong password, after the same time.
 * @throws RateLimitedError after ten tries of an id, or thirty of an address, in a minute
 */
export async function checkWebService(core: Core, externalId: string, password: string, address?: string): Promise<WebService | undefined> {
  const row = EXTERNAL_ID.test(externalId)
    ? (await core.db.pool.query<Row>(`${SELECT} WHERE w.external_id = $1 AND ${IS_OPEN}`, [externalId])).rows[0]
    : undefined;
  const subject = row ? { id: row.id, hash: row.passwordHash } : null;
  const right = await checkAtDoor(core, { account: `web-service:${externalId}`, address, subject, password });
  return right && row ? shown(row) : undefined;
}

/** @param id UUID, of a session that a web service's token opened */
export async function webServiceOf(core: Core, id: string): Promise<WebService | undefined> {
  const row = (await core.db.pool.query<Row>(`${SELECT} WHERE w.id = $1 AND ${IS_OPEN}`, [id])).rows[0];
  return row && shown(row);
}
