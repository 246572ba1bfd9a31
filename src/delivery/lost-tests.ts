/**
 * Tests whose process died with them in its hand. They stand in no lane, so nobody who claims one comes by: they are found in
 * `sending_test`, whose row whoever settles a test takes away first, so that it is settled once.
 */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import { publishRequests } from "./control.ts";
import { logInterruptions } from "./lane-claim.ts";
import { rejectLostTests, takeLostTests } from "./sql/lost-tests.ts";

/** Beyond the definition's timeout: to make what is sent, and to write what came of it. */
const SLACK_MS = 60_000;
/** Of one transaction. */
const AT_ONCE = 100;

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

/** @returns how many there were */
export async function endLostTests(core: Core): Promise<number> {
  for (let total = 0; ; ) {
    const found = await core.db.transaction(async (client) => {
      const taken = await takeLostTests.rows(client, [AT_ONCE]);
      if (taken.length === 0) return 0;
      const rows = await rejectLostTests.rows(client, [taken.map((row) => row.organization_id), taken.map((row) => row.request_id)]);
      await logInterruptions(client, rows);
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
