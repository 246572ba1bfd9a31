/** Scripts: JavaScript of the organization that runs in the sandbox instead of a call (SuperOffice's `crmscript`). */
import { type Caller, demand } from "../accounts/caller.ts";
import { COUNTED, newestFirst } from "../accounts/keyset.ts";
import { demandUnchanged, nextUpdate } from "../accounts/unchanged.ts";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Script } from "../db/generated/prisma/client.ts";
import { ConflictError, type Issue, NotFoundError, ValidationError } from "../errors.ts";
import { type PageOf, type Slice, sliceOf } from "../requests/page.ts";
import { conflictOf } from "./code.ts";
import type { SourceChecks } from "./definitions.ts";
import { rebind, usersOf } from "./hiding.ts";
import { record } from "./record.ts";
import { columnsOf, insert, rowOf, update } from "./sql.ts";
import { nameIssues } from "./text.ts";

export interface ScriptInput {
  name: string;
  source: string;
}

type Checks = Pick<SourceChecks, "sandbox">;
const CONFLICTS = { script_organization_id_name_key: "there is a script with this name already" };

async function refuseBad(caller: Caller, input: Partial<ScriptInput>, { sandbox }: Checks): Promise<void> {
  const { name, source } = input;
  const { organizationId } = caller;
  const found = source === undefined ? [] : await sandbox.check(source, { kind: "SCRIPT", organizationId });
  const issues: Issue[] = [
    ...(name === undefined ? [] : nameIssues("name", name, 255)),
    ...(source?.trim() === "" ? [{ path: "source", message: "must not be empty" }] : []),
    ...found.map(({ message }) => ({ path: "source", message })),
  ];
  if (issues.length > 0) throw new ValidationError(issues);
}

/** @throws ValidationError (it must parse) ConflictError (the name is taken) ForbiddenError */
export async function createScript(core: Core, caller: Caller, input: ScriptInput, checks: Checks): Promise<Script> {
  demand(caller, "webhooks:write");
  await refuseBad(caller, input, checks);
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      const { name, source } = input;
      const row = await insert<Script>(client, "script", { id: newId(core.clock), organizationId: caller.organizationId, name, source });
      await record(core, client, caller, { action: "script.create", subjectType: "Script", subjectId: row.id, after: row });
      return row;
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

/** The next run uses it. @throws ValidationError ConflictError NotFoundError ForbiddenError */
export async function updateScript(
  core: Core,
  caller: Caller,
  id: string,
  input: Partial<ScriptInput>,
  checks: Checks,
  ifUnchangedSince?: Date | null,
): Promise<Script> {
  demand(caller, "webhooks:write");
  await refuseBad(caller, input, checks);
  return core.db
    .tenantTransaction(caller.organizationId, async (client) => {
      const users = await usersOf(client, caller.organizationId, { scriptId: id });
      const before = await lockScript(client, caller.organizationId, id);
      await demandUnchanged(client, caller, before, ifUnchangedSince);
      const { name = before.name, source = before.source } = input;
      const row = (await update<Script>(client, "script", before, { name, source, updatedAt: nextUpdate(core, before) })) as Script;
      // Another text is another receiver: it could print what the former one was trusted with.
      const lost = source === before.source ? new Map<string, string[]>() : await rebind(core, client, caller, users);
      await record(core, client, caller, {
        action: "script.update",
        subjectType: "Script",
        subjectId: id,
        before,
        after: { ...row, ...(lost.size > 0 && { dropped: Object.fromEntries(lost) }) },
        definitionIds: [...lost.keys()],
      });
      return row;
    })
    .catch((error: unknown) => conflictOf(error, CONFLICTS));
}

/** @throws ConflictError while a definition runs it; NotFoundError ForbiddenError */
export async function deleteScript(core: Core, caller: Caller, id: string): Promise<Script> {
  demand(caller, "webhooks:write");
  return core.db.tenantTransaction(caller.organizationId, async (client) => {
    const row = await lockScript(client, caller.organizationId, id);
    const users = await client.query<{ name: string }>(
      "SELECT name FROM webhook_definition WHERE script_id = $1 AND deleted_at IS NULL ORDER BY number LIMIT 1",
      [id],
    );
    if (users.rows[0])
      throw new ConflictError(`the webhook definition "${users.rows[0].name}" runs this script; give it another target first`);
    await client.query("DELETE FROM script WHERE id = $1", [id]);
    await record(core, client, caller, { action: "script.delete", subjectType: "Script", subjectId: id, before: row });
    return row;
  });
}

async function lockScript(client: PoolClient, organizationId: string, id: string): Promise<Script> {
  const { rows } = await client.query(`SELECT ${columnsOf("script")} FROM script WHERE id = $1 AND organization_id = $2 FOR UPDATE`, [
    id,
    organizationId,
  ]);
  if (!rows[0]) throw new NotFoundError("the script");
  return rowOf<Script>(rows[0]);
}

/** By id or name; null when there is none. @throws ForbiddenError */
export async function findScript(core: Core, caller: Caller, key: { id: string } | { name: string }): Promise<Script | null> {
  demand(caller, "webhooks:read");
  return core.db.prisma.script.findFirst({ where: { ...key, organizationId: caller.organizationId } });
}

/** Their names, by id. */
export async function scriptNames(core: Core, organizationId: string, ids: Iterable<string>): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)];
  if (wanted.length === 0) return new Map();
  const scripts = await core.db.prisma.script.findMany({ where: { organizationId, id: { in: wanted } }, select: { id: true, name: true } });
  return new Map(scripts.map(({ id, name }) => [id, name]));
}

/** Newest first. @throws ForbiddenError */
export async function listScripts(core: Core, caller: Caller, page: PageOf<string>): Promise<Slice<Script>> {
  demand(caller, "webhooks:read");
  return sliceOf(page, await core.db.prisma.script.findMany(newestFirst({ organizationId: caller.organizationId }, page)));
}

/** @throws ForbiddenError */
export async function countScripts(core: Core, caller: Caller): Promise<number> {
  demand(caller, "webhooks:read");
  return core.db.prisma.script.count({ ...COUNTED, where: { organizationId: caller.organizationId } });
}
