/**
 * An organization erased, with progress: from the call on nobody can sign in to it and nothing is sent; then its rows go, table by
 * table, in batches, each a job of its own, so that a process that dies is followed by another. Its audit entries go too, through
 * the one function that may delete any (migration 0004); what stays is an entry in the operator's log, which names nobody.
 */
import { z } from "zod";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { JobKind, Queue } from "../db/queue.ts";
import { identifier } from "../db/session.ts";
import { ConflictError, ForbiddenError, NotFoundError, ValidationError } from "../errors.ts";
import { observed } from "../observe/chore.ts";
import { audit } from "./audit.ts";
import { forgetCredentials } from "./authenticate.ts";
import type { Caller } from "./caller.ts";

export interface OrganizationErasure {
  /** UUID. */
  organizationId: string;
  /** Rows when it began, of each table at most 10 000 counted; as many as are gone, where these are more. */
  total: number;
  done: number;
  startedAt: Date;
  finishedAt: Date | null;
}

const COLUMNS = `organization_id AS "organizationId", GREATEST(total, done) AS total, done, started_at AS "startedAt", finished_at AS "finishedAt"`;

const job = z.object({ organizationId: z.uuid() });
type Job = z.infer<typeof job>;
export const ERASE_ORGANIZATION_JOB: JobKind<Job> = { name: "erase-organization", payload: job };

type Jobs = Pick<Queue, "send" | "forget">;

/**
 * @param name of the organization, typed again
 * @throws ForbiddenError unless the caller is the operator; NotFoundError ValidationError (another name); ConflictError for the operator's own
 */
export async function deleteOrganization(
  core: Core,
  jobs: Jobs,
  caller: Caller,
  input: { id: string; name: string },
): Promise<OrganizationErasure> {
  if (!caller.operator) throw new ForbiddenError("only the operator (the bootstrap token) may do this");
  const { id, name } = input;
  if (id === caller.organizationId) throw new ConflictError("the operator's own organization cannot be deleted");
  const erasure = await core.db.transaction(async (client) => {
    const { rows } = await client.query<{ name: string }>("SELECT name FROM organization WHERE id = $1 FOR UPDATE", [id]);
    if (!rows[0]) throw new NotFoundError("the organization");
    if (rows[0].name !== name) throw new ValidationError([{ path: "name", message: "is not the organization's name" }]);
    const begun = await client.query<OrganizationErasure>(`SELECT ${COLUMNS} FROM organization_erasure WHERE organization_id = $1`, [id]);
    if (begun.rows[0]) return begun.rows[0];
    await close(client, id);
    // Mails that wait to be tried again have addresses of its people.
    await jobs.forget(client, id, ERASE_ORGANIZATION_JOB);
    const made = await client.query<OrganizationErasure>(
      `INSERT INTO organization_erasure (organization_id, total) VALUES ($1, $2) RETURNING ${COLUMNS}`,
      [id, await countRows(client, id)],
    );
    await audit(core, caller, "organization.delete", { type: "Organization", id }, undefined, undefined, client);
    await jobs.send(client, ERASE_ORGANIZATION_JOB, { organizationId: id });
    return made.rows[0] as OrganizationErasure;
  });
  forgetCredentials(core);
  return erasure;
}

/** Nobody comes in any more, nothing goes out. */
async function close(client: PoolClient, id: string): Promise<void> {
  await client.query("UPDATE users SET password_hash = NULL, disabled_at = COALESCE(disabled_at, now()) WHERE organization_id = $1", [id]);
  await client.query("UPDATE inbound_webhook SET enabled = false WHERE organization_id = $1", [id]);
  await client.query(
    `UPDATE webhook_definition SET state = 'STOPPED', state_reason = 'deleted', deleted_at = COALESCE(deleted_at, now()) WHERE organization_id = $1`,
    [id],
  );
  for (const table of ["api_token", "session"])
    await client.query(`UPDATE ${table} SET revoked_at = COALESCE(revoked_at, now()) WHERE organization_id = $1`, [id]);
}

/** Null: there is none. @throws ForbiddenError unless the caller is the operator */
export async function findErasure(core: Core, caller: Caller, organizationId: string): Promise<OrganizationErasure | null> {
  if (!caller.operator) throw new ForbiddenError("only the operator (the bootstrap token) may see this");
  const { rows } = await core.db.pool.query<OrganizationErasure>(`SELECT ${COLUMNS} FROM organization_erasure WHERE organization_id = $1`, [
    organizationId,
  ]);
  return rows[0] ?? null;
}

/**
 * Where rows of organizations stand, but for those that others refer to: these go with the organization itself. Each partition by
 * itself, as retention walks through them.
 */
const TABLES = `
  SELECT c.relname AS name FROM pg_class c
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('audit_entry', 'organization_erasure')
    AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped)
    AND NOT EXISTS (SELECT 1 FROM pg_constraint f WHERE f.confrelid = c.oid AND f.contype = 'f')
  ORDER BY c.relispartition DESC, c.relname`;

async function tablesOf(client: Pick<PoolClient, "query">): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(TABLES);
  return rows.map(({ name }) => name);
}

/** Of a table: more are not counted while somebody waits for the answer. */
const MOST_COUNTED = 10_000;

async function countRows(client: PoolClient, id: string): Promise<number> {
  let total = 0;
  for (const table of [...(await tablesOf(client)), "audit_entry"]) {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*) AS count FROM (SELECT 1 FROM ${identifier(table)} WHERE organization_id = $1 LIMIT ${MOST_COUNTED}) AS found`,
      [id],
    );
    total += Number(rows[0]?.count ?? 0);
  }
  return total;
}

/** Rows of one statement. */
const BATCH = 2_000;
/** A job goes on for so long, then the next one does: what a crash repeats is nothing, what it delays is little. */
const JOB_MS = 20_000;
/** One that nobody has gone on with for so long lost its job. */
const LOST_MS = 5 * 60_000;

async function eraseBatch(core: Core, id: string, table: string): Promise<number> {
  const place = identifier(table);
  const text =
    table === "audit_entry"
      ? "SELECT erase_audit($1::uuid, $2::int) AS gone"
      : `WITH gone AS (DELETE FROM ${place} WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${place} WHERE organization_id = $1::uuid LIMIT $2::int)) RETURNING 1)
         SELECT count(*)::int AS gone FROM gone`;
  return core.db.transaction(async (client) => {
    const { rows } = await client.query<{ gone: number }>(text, [id, BATCH]);
    const gone = rows[0]?.gone ?? 0;
    if (gone > 0)
      await client.query("UPDATE organization_erasure SET done = done + $2, updated_at = now() WHERE organization_id = $1", [id, gone]);
    return gone;
  });
}

/** The organization itself, with what hangs on it. */
async function finish(core: Core, jobs: Jobs, id: string): Promise<void> {
  await core.db.transaction(async (client) => {
    await client.query("SELECT 1 FROM organization WHERE id = $1 FOR UPDATE", [id]);
    await client.query("SELECT erase_audit($1::uuid, 2147483647)", [id]);
    await client.query("DELETE FROM organization WHERE id = $1", [id]);
    await jobs.forget(client, id, ERASE_ORGANIZATION_JOB);
    await client.query(
      "UPDATE organization_erasure SET finished_at = now(), updated_at = now(), done = GREATEST(done, total) WHERE organization_id = $1",
      [id],
    );
  });
}

async function run(core: Core, jobs: Jobs, { organizationId: id }: Job): Promise<void> {
  const { rowCount } = await core.db.pool.query("SELECT 1 FROM organization_erasure WHERE organization_id = $1 AND finished_at IS NULL", [
    id,
  ]);
  if (!rowCount) return;
  const until = core.clock.monotonic() + JOB_MS;
  const tables = [...(await tablesOf(core.db.pool)), "audit_entry"];
  // What was under way when it began settles meanwhile: once more through all of them, until a round finds nothing.
  for (let found = true; found; ) {
    found = false;
    for (const table of tables) {
      while ((await eraseBatch(core, id, table)) > 0) {
        found = true;
        if (core.clock.monotonic() > until) return jobs.send(core.db.pool, ERASE_ORGANIZATION_JOB, { organizationId: id });
      }
    }
  }
  await finish(core, jobs, id);
}

/** From now on this process goes on with erasures of organizations. */
export function workOrganizationErasures(core: Core, queue: Pick<Queue, "send" | "forget" | "work">): Promise<void> {
  return queue.work(
    ERASE_ORGANIZATION_JOB,
    observed(core, ERASE_ORGANIZATION_JOB.name, (payload: Job) => run(core, queue, payload)),
    1,
  );
}

/** @returns how many had lost their job and have one again */
export async function resumeOrganizationErasures(core: Core, jobs: Jobs, lostMs: number = LOST_MS): Promise<number> {
  const { rows } = await core.db.pool.query<Job>(
    `SELECT organization_id AS "organizationId" FROM organization_erasure
     WHERE finished_at IS NULL AND updated_at < now() - $1 * interval '1 millisecond' LIMIT 100`,
    [lostMs],
  );
  for (const lost of rows) await jobs.send(core.db.pool, ERASE_ORGANIZATION_JOB, lost);
  return rows.length;
}
