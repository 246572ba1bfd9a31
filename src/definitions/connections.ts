/** Connections: a target that several definitions share, with a URL per record action and headers (doForms). */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED, newestFirst } from "../accounts/keyset.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Connection } from "../db/generated/prisma/client.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { checkHeaderList } from "../wire/headers.ts";
import { isSecretHeader, MASK } from "../wire/mask.ts";
import { egressOf } from "./definitions.ts";
import { record } from "./record.ts";
import { columnsOf, insert, rowOf, update } from "./sql.ts";
import { isPlainObject, nameIssues } from "./text.ts";

export interface NamedHeader {
  name: string;
  value: string;
}

export interface ConnectionInput {
  name: string;
  urlAdded?: string | null | undefined;
  urlEdited?: string | null | undefined;
  urlDeleted?: string | null | undefined;
  urlStatus?: string | null | undefined;
  /** At most four, a list of {name, value} or an object {name: value}; the mask as a value keeps what is stored. */
  headers?: unknown;
}

const URLS = ["urlAdded", "urlEdited", "urlDeleted", "urlStatus"] as const;
const MAX_HEADERS = 4;

function issuesOf(core: Core, input: Partial<ConnectionInput>): Issue[] {
  const egress = egressOf(core);
  const urls = URLS.flatMap((field) => {
    const url = input[field];
    const checked = url === null || url === undefined ? undefined : egress.checkUrl(url);
    return checked === undefined || checked.ok ? [] : [{ path: field, message: checked.reason }];
  });
  return [...(input.name === undefined ? [] : nameIssues("name", input.name, 255)), ...urls, ...headerIssues(input.headers)];
}

function headerIssues(given: unknown): Issue[] {
  const headers = headerList(given);
  if (!headers) return [{ path: "headers", message: 'must be a list of {"name": "…", "value": "…"}' }];
  return headers.length > MAX_HEADERS ? [{ path: "headers", message: `must be at most ${MAX_HEADERS} headers` }] : checkHeaderList(headers);
}

/** Undefined for what is neither form; values are not judged yet. */
function headerList(given: unknown): NamedHeader[] | undefined {
  if (given === null || given === undefined) return [];
  if (isPlainObject(given)) return Object.entries(given).map(([name, value]) => ({ name, value: value as string }));
  if (!Array.isArray(given)) return undefined;
  const named = given.every((header) => isPlainObject(header) && typeof header["name"] === "string");
  return named ? given.map(({ name, value }) => ({ name, value })) : undefined;
}

const place = (connection: { id: string; organizationId: string }) => `${connection.organizationId}/${connection.id}/headers`;

/** In clear. */
function openHeaders(core: Core, connection: Pick<Connection, "id" | "organizationId" | "headers">): NamedHeader[] {
  return connection.headers === null ? [] : JSON.parse(core.vault.open(connection.headers, place(connection)));
}

/** For everybody who may see the connection: what opens doors is masked. */
export function shownConnectionHeaders(core: Core, connection: Pick<Connection, "id" | "organizationId" | "headers">): NamedHeader[] {
  return openHeaders(core, connection).map(({ name, value }) => ({ name, value: isSecretHeader(name) ? MASK : value }));
}

function sealed(core: Core, owner: { id: string; organizationId: string }, given: readonly NamedHeader[], stored: readonly NamedHeader[]) {
  if (given.length === 0) return null;
  const headers = given.map(({ name, value }) => {
    const kept = value === MASK && isSecretHeader(name) && stored.find((header) => header.name.toLowerCase() === name.toLowerCase());
    return { name, value: kept ? kept.value : value };
  });
  return core.vault.seal(JSON.stringify(headers), place(owner));
}

const canonical = (url: string | null | undefined) => (url ? new URL(url).href : url);

function columnsFrom(
  core: Core,
  owner: { id: string; organizationId: string },
  input: Partial<ConnectionInput>,
  stored: readonly NamedHeader[],
): Partial<Connection> {
  const columns = {
    name: input.name,
    ...Object.fromEntries(URLS.map((field) => [field, canonical(input[field])])),
    headers: input.headers === undefined ? undefined : sealed(core, owner, headerList(input.headers) ?? [], stored),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

const shown = (core: Core, connection: Connection) => ({ ...connection, headers: shownConnectionHeaders(core, connection) });

/** @throws ValidationError ForbiddenError */
export async function createConnection(core: Core, caller: Caller, input: ConnectionInput): Promise<Connection> {
  demand(caller, "webhooks:write");
  const issues = issuesOf(core, input);
  if (issues.length > 0) throw new ValidationError(issues);
  const owner = { id: newId(core.clock), organizationId: caller.organizationId };
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const row = await insert<Connection>(client, "connection", { ...columnsFrom(core, owner, input, []), ...owner });
    await record(core, client, caller, {
      action: "connection.create",
      subjectType: "Connection",
      subjectId: row.id,
      after: shown(core, row),
    });
    return row;
  });
}

/** The next send of every definition that uses it goes there. @throws ValidationError NotFoundError ForbiddenError */
export async function updateConnection(core: Core, caller: Caller, id: string, input: Partial<ConnectionInput>): Promise<Connection> {
  demand(caller, "webhooks:write");
  const issues = issuesOf(core, input);
  if (issues.length > 0) throw new ValidationError(issues);
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const before = await lockConnection(client, caller.organizationId, id);
    const row = (await update<Connection>(client, "connection", before, {
      ...columnsFrom(core, before, input, openHeaders(core, before)),
      updatedAt: core.clock.now(),
    })) as Connection;
    await record(core, client, caller, {
      action: "connection.update",
      subjectType: "Connection",
      subjectId: id,
      before: shown(core, before),
      after: shown(core, row),
    });
    return row;
  });
}

/** @throws ConflictError while a definition or web service uses it; NotFoundError ForbiddenError */
export async function deleteConnection(core: Core, caller: Caller, id: string): Promise<Connection> {
  demand(caller, "webhooks:write");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const row = await lockConnection(client, caller.organizationId, id);
    const users = await client.query<{ name: string }>(
      `SELECT name FROM webhook_definition WHERE connection_id = $1 AND deleted_at IS NULL
       UNION ALL SELECT external_id FROM web_service WHERE connection_id = $1 LIMIT 1`,
      [id],
    );
    if (users.rows[0]) throw new ConflictError(`"${users.rows[0].name}" uses this connection; give it another target first`);
    await client.query("DELETE FROM connection WHERE id = $1", [id]);
    await record(core, client, caller, {
      action: "connection.delete",
      subjectType: "Connection",
      subjectId: id,
      before: shown(core, row),
    });
    return row;
  });
}

async function lockConnection(client: PoolClient, organizationId: string, id: string): Promise<Connection> {
  const { rows } = await client.query(
    `SELECT ${columnsOf("connection")} FROM connection WHERE id = $1 AND organization_id = $2 FOR UPDATE`,
    [id, organizationId],
  );
  if (!rows[0]) throw new NotFoundError("the connection");
  return rowOf<Connection>(rows[0]);
}

/** Null when there is none. @throws ForbiddenError */
export async function findConnection(core: Core, caller: Caller, id: string): Promise<Connection | null> {
  demand(caller, "webhooks:read");
  return core.db.prisma.connection.findFirst({ where: { id, organizationId: caller.organizationId } });
}

/** Newest first. @throws ForbiddenError */
export async function listConnections(core: Core, caller: Caller, page: PageOf<string>): Promise<Slice<Connection>> {
  demand(caller, "webhooks:read");
  return sliceOf(page, await core.db.prisma.connection.findMany(newestFirst({ organizationId: caller.organizationId }, page)));
}

/** All of them, newest first, for the face that knows no pages. @throws ForbiddenError */
export async function allConnections(core: Core, caller: Caller): Promise<Connection[]> {
  demand(caller, "webhooks:read");
  return core.db.prisma.connection.findMany({ where: { organizationId: caller.organizationId }, orderBy: { id: "desc" } });
}

/** @throws ForbiddenError */
export async function countConnections(core: Core, caller: Caller): Promise<number> {
  demand(caller, "webhooks:read");
  return core.db.prisma.connection.count({ ...COUNTED, where: { organizationId: caller.organizationId } });
}
