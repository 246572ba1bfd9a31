/** Connections: a target that several definitions share, with a URL per record action and headers (doForms). */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED, newestFirst } from "../accounts/keyset.ts";
import { demandUnchanged, nextUpdate } from "../accounts/unchanged.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Connection } from "../db/generated/prisma/client.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { type Bound, boundText, originsOf, readBound, unbound } from "../wire/bound.ts";
import { checkHeaderList } from "../wire/headers.ts";
import { globalId } from "../wire/ids.ts";
import { isSecretHeader, MASK, maskTarget } from "../wire/mask.ts";
import { egressOf } from "./egress.ts";
import { headerName, headersPlace, shownHeader, shownUrl } from "./headers.ts";
import { droppedWarning, keptFor, rebind, usersOf } from "./hiding.ts";
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
  /** Names of headers whose values everybody may see. */
  publicHeaders?: readonly string[] | null | undefined;
}

const URLS = ["urlAdded", "urlEdited", "urlDeleted", "urlStatus"] as const;
const NO_URLS = Object.fromEntries(URLS.map((field) => [field, null]));
const MAX_HEADERS = 4;

function issuesOf(core: Core, input: Partial<ConnectionInput>): Issue[] {
  const egress = egressOf(core);
  const urls = URLS.flatMap((field) => {
    const url = input[field];
    const checked = url === null || url === undefined ? undefined : egress.checkUrl(url);
    return checked === undefined || checked.ok ? [] : [{ path: field, message: checked.reason }];
  });
  const shown = (input.publicHeaders ?? []).filter(isSecretHeader);
  return [
    ...(input.name === undefined ? [] : nameIssues("name", input.name, 255)),
    ...urls,
    ...headerIssues(input.headers),
    ...shown.map((name) => ({ path: "publicHeaders", message: `${name.slice(0, 100)} opens doors and cannot be public` })),
  ];
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

type Stored = Pick<Connection, "id" | "organizationId" | "headers">;

/** In clear. */
function openHeaders(core: Core, connection: Stored): Bound<NamedHeader[]> {
  return connection.headers === null
    ? unbound([])
    : readBound<NamedHeader[]>(core.vault.open(connection.headers, headersPlace(connection)));
}

/** Hidden values are masked, unless they are public or this caller may read secrets. */
export function shownConnectionHeaders(
  core: Core,
  caller: Caller | undefined,
  connection: Stored & Pick<Connection, "publicHeaders">,
): NamedHeader[] {
  const { values } = openHeaders(core, connection);
  return values.map(({ name, value }) => ({ name, value: shownHeader(caller, connection.publicHeaders, name, value) }));
}

const urlsOf = (connection: Partial<Connection>) => URLS.map((field) => connection[field]);

/** What becomes of the headers: they go to the connection's own origins, and stay with those that they were given for. */
function headersAfter(core: Core, caller: Caller, before: Connection, input: Partial<ConnectionInput>, urls: Partial<Connection>) {
  const after = originsOf(urlsOf({ ...before, ...urls }));
  const stored = openHeaders(core, before);
  const known = new Set(before.publicHeaders.map(headerName));
  const byName = { origins: stored.origins, values: Object.fromEntries(stored.values.map(({ name, value }) => [name, value])) };
  const change = { caller, before: originsOf(urlsOf(before)), after, isPublic: (name: string) => known.has(headerName(name)) };
  const { values: kept, dropped } = keptFor(byName, change);
  const left = new Map(Object.entries(kept).map(([name, value]) => [headerName(name), value]));
  const given = input.headers === undefined ? undefined : (headerList(input.headers) ?? []);
  const asked = given ?? stored.values.map(({ name }) => ({ name, value: MASK }));
  const headers = asked.flatMap(({ name, value }) => {
    const now = value === MASK ? left.get(headerName(name)) : value;
    return now === undefined ? [] : [{ name, value: now }];
  });
  const lost = dropped.filter(
    (name) =>
      !headers.some((header) => headerName(header.name) === headerName(name)) &&
      asked.some((one) => headerName(one.name) === headerName(name)),
  );
  const warning = droppedWarning(after, { headers: lost, properties: [] });
  return {
    dropped: lost,
    columns: {
      headers: headers.length === 0 ? null : core.vault.seal(boundText(headers, after), headersPlace(before)),
      ...(warning !== null ? { warning } : given ? { warning: null } : {}),
    },
  };
}

/** Marking a stored value as public shows it: only for those who see it, or give it anew. */
function publishIssues(caller: Caller, before: Connection, input: Partial<ConnectionInput>): Issue[] {
  if (caller.scopes.has("secrets:read")) return [];
  const anew = new Set((headerList(input.headers) ?? []).flatMap(({ name, value }) => (value === MASK ? [] : [headerName(name)])));
  const known = new Set(before.publicHeaders.map(headerName));
  return (input.publicHeaders ?? [])
    .filter((name) => !known.has(headerName(name)) && !anew.has(headerName(name)))
    .map((name) => ({
      path: "publicHeaders",
      message: `${name.slice(0, 100)}: its value is hidden from you; give it anew to make it public`,
    }));
}

const canonical = (url: string | null | undefined) => (url ? new URL(url).href : url);

function columnsFrom(input: Partial<ConnectionInput>): Partial<Connection> {
  const columns = {
    name: input.name,
    publicHeaders: input.publicHeaders === undefined ? undefined : [...(input.publicHeaders ?? [])],
    ...Object.fromEntries(URLS.map((field) => [field, canonical(input[field])])),
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

/** Whoever sees an address masked, and sends it back, has not changed it. */
function keepShownUrls(caller: Caller, before: Connection, input: Partial<ConnectionInput>): Partial<ConnectionInput> {
  const kept = URLS.filter((field) => input[field] && before[field] !== null && input[field] === shownUrl(caller, before[field]));
  return { ...input, ...Object.fromEntries(kept.map((field) => [field, before[field]])) };
}

const shown = (core: Core, connection: Connection) => ({
  ...connection,
  ...Object.fromEntries(URLS.map((field) => [field, connection[field] && maskTarget(connection[field])])),
  headers: shownConnectionHeaders(core, undefined, connection),
});

/** @throws ValidationError ForbiddenError */
export async function createConnection(core: Core, caller: Caller, input: ConnectionInput): Promise<Connection> {
  demand(caller, "webhooks:write");
  const issues = issuesOf(core, input);
  if (issues.length > 0) throw new ValidationError(issues);
  const owner = { id: newId(core.clock), organizationId: caller.organizationId };
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const columns = columnsFrom(input);
    const none = { ...NO_URLS, ...owner, headers: null, publicHeaders: [] } as unknown as Connection;
    const { headers } = headersAfter(core, caller, none, input, columns).columns;
    const row = await insert<Connection>(client, "connection", { ...columns, ...owner, headers });
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
export async function updateConnection(
  core: Core,
  caller: Caller,
  id: string,
  given: Partial<ConnectionInput>,
  ifUnchangedSince?: Date | null,
): Promise<Connection> {
  demand(caller, "webhooks:write");
  const issues = issuesOf(core, given);
  if (issues.length > 0) throw new ValidationError(issues);
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    // In the order in which a change of a definition takes them.
    const users = await usersOf(client, caller.organizationId, { connectionId: id });
    const before = await lockConnection(client, caller.organizationId, id);
    await demandUnchanged(client, caller, before, ifUnchangedSince);
    const refused = publishIssues(caller, before, given);
    if (refused.length > 0) throw new ValidationError(refused);
    const input = keepShownUrls(caller, before, given);
    const columns = columnsFrom(input);
    const hidden = headersAfter(core, caller, before, input, columns);
    const row = (await update<Connection>(client, "connection", before, {
      ...columns,
      ...hidden.columns,
      updatedAt: nextUpdate(core, before),
    })) as Connection;
    const lost = await rebind(core, client, caller, users);
    const dropped = [
      ...hidden.dropped,
      ...[...lost].map(([definition, names]) => `${globalId("WebhookDefinition", definition)}: ${names.join(", ")}`),
    ];
    await record(core, client, caller, {
      action: "connection.update",
      subjectType: "Connection",
      subjectId: id,
      before: shown(core, before),
      after: { ...shown(core, row), ...(dropped.length > 0 && { dropped }) },
      definitionIds: [...lost.keys()],
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
