/**
 * Tests whose process died with them in its hand. They stand in no lane, so nobody who claims one comes by: they are found in
 * `sending_test`, whose row whoever settles a test takes away first, so that it is settled once.
 */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { publishRequests } from "./control.ts";
import { logInterrupted } from "./sql/interrupt.ts";

/** Beyond the definition's timeout: to make what is sent, and to write what came of it. */
const SLACK_MS = 60_000;
/** Of one transaction. */
const AT_ONCE = 100;

interface Lost {
  id: string;
  organization_id: string;
  definition_id: string;
  attempt_count: number;
  manual: boolean;
  url: string | null;
  sending_at: Date | null;
}

/** In the transaction that begins the test. @param timeoutMs of its one attempt */
export async function noteTest(client: PoolClient, organizationId: string, requestId: string, timeoutMs: number): Promise<void> {
  await client.query(
    "INSERT INTO sending_test (organization_id, request_id, gives_up_at) VALUES ($1, $2, now() + $3 * interval '1 millisecond')",
    [organizationId, requestId, timeoutMs + SLACK_MS],
  );
}

/** In the transaction that settles it. @returns false: somebody has settled it */
export async function endTest(client: PoolClient, organizationId: string, requestId: string): Promise<boolean> {
  const { rowCount } = await client.query("DELETE FROM sending_test WHERE organization_id = $1 AND request_id = $2", [
    organizationId,
    requestId,
  ]);
  return rowCount === 1;
}

const TAKE = `
  DELETE FROM sending_test WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM sending_test WHERE gives_up_at < now() ORDER BY organization_id, request_id LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED))
  RETURNING organization_id, request_id`;

const REJECT = `
  UPDATE webhook_request r SET state = 'REJECTED', failed = true, attempt_count = r.attempt_count + 1, settled_at = now(), updated_at = now(),
    error_code = 'INTERRUPTED', error_description = 'its process died before the outcome was known'
  FROM unnest($1::uuid[], $2::uuid[]) AS u(organization_id, id)
  WHERE r.organization_id = u.organization_id AND r.id = u.id AND r.state = 'SENDING'
  RETURNING r.id, r.organization_id, r.definition_id, r.attempt_count, r.manual, r.url, r.sending_at`;

/** @returns how many there were */
export async function endLostTests(core: Core): Promise<number> {
  for (let total = 0; ; ) {
    const found = await core.db.transaction(async (client) => {
      const { rows: taken } = await client.query<{ organization_id: string; request_id: string }>(TAKE);
      if (taken.length === 0) return 0;
      const { rows } = await client.query<Lost>(REJECT, [taken.map((row) => row.organization_id), taken.map((row) => row.request_id)]);
      const column = <T>(of: (row: Lost) => T) => rows.map(of);
      await logInterrupted.count(client, [
        ...[column((row) => row.organization_id), column((row) => row.id), column((row) => row.attempt_count)],
        ...[column((row) => row.manual), column((row) => row.url), column((row) => row.sending_at)],
      ]);
      for (const [organizationId, tests] of Map.groupBy(rows, (row) => row.organization_id)) {
        await publishRequests(
          client,
          organizationId,
          tests.map(({ id }) => id),
        );
        await client.query(core.notify.statement("feed", [organizationId]));
      }
      return taken.length;
    });
    total += found;
    if (found < AT_ONCE) return total;
  }
}
