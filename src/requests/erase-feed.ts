/** What the live feed still tells of erased requests: a receiver's words, which a subscriber that catches up would be told. */
import type { Core } from "../core.ts";
import { type Change, decodeBody, encodeChanges } from "../delivery/changes.ts";

/** Rows of one transaction. */
const PAGE = 200;

interface Entry {
  sequence: number;
  /** As text: a Date would lose the microseconds by which an entry is found again. */
  created_at: string;
  body: string;
}

const tells = (change: Change) => change.kind === "REQUEST" && change.errorDescription !== null;

/** All of the organization's entries, in pages; doing it again changes nothing. */
export async function eraseFeed(core: Core, organizationId: string): Promise<void> {
  for (let last = 0; ; ) {
    const { rows } = await core.db.pool.query<Entry>(
      "SELECT sequence, created_at::text, body FROM feed_entry WHERE organization_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
      [organizationId, last, PAGE],
    );
    const entries = rows.map((row) => ({ ...row, changes: decodeBody(row.body).changes }));
    const asked = entries.flatMap(({ changes }) => changes.flatMap((one) => (one.kind === "REQUEST" && tells(one) ? [one.requestId] : [])));
    const erased = await erasedAmong(core, organizationId, [...new Set(asked)]);
    for (const { sequence, created_at, body, changes } of entries) {
      if (!changes.some((one) => one.kind === "REQUEST" && erased.has(one.requestId) && tells(one))) continue;
      const quiet = changes.map((one) => (one.kind === "REQUEST" && erased.has(one.requestId) ? { ...one, errorDescription: null } : one));
      // The moment of the transaction stands before the changes.
      const text = body.slice(0, body.indexOf("[")) + encodeChanges(quiet);
      await core.db.pool.query(
        "UPDATE feed_entry SET body = $4 WHERE organization_id = $1 AND sequence = $2 AND created_at = $3::timestamptz",
        [...[organizationId, sequence, created_at, text]],
      );
    }
    if (rows.length < PAGE) return;
    last = rows.at(-1)?.sequence ?? last;
  }
}

async function erasedAmong(core: Core, organizationId: string, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const { rows } = await core.db.pool.query<{ id: string }>(
    `SELECT r.id FROM webhook_request r JOIN event v ON v.organization_id = r.organization_id AND v.id = r.event_id
     WHERE r.organization_id = $1 AND r.id = ANY($2::uuid[]) AND v.erased_at IS NOT NULL`,
    [organizationId, ids],
  );
  return new Set(rows.map(({ id }) => id));
}
