/** What every write of this folder leaves behind, in its own transaction: an audit entry, and a hint to whoever listens. */
import { audit } from "../accounts/audit.ts";
import type { Caller } from "../accounts/caller.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { NodeType } from "../wire/ids.ts";

export interface Change {
  /** `webhookDefinition.update` … */
  action: string;
  subjectType: NodeType;
  subjectId: string;
  before?: object | null;
  after?: object | null;
  /** Definitions that are other than before, for live subscribers. */
  definitionIds?: readonly string[];
}

export async function record(core: Core, client: PoolClient, caller: Caller, change: Change): Promise<void> {
  const { action, subjectType: type, subjectId: id, before, after } = change;
  await audit(core, caller, action, { type, id }, before, after, client);
  if (change.definitionIds?.length) await client.query(core.notify.statement("definition", change.definitionIds));
}
