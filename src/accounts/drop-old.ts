/** What sign-ins leave behind: each makes a row, and nobody asks for one that ended 30 days ago. */
import type { Core } from "../core.ts";
import { dropOldSessions } from "./sql/drop-old-sessions.ts";

export async function dropEndedSessions(core: Core, signal: AbortSignal): Promise<{ sessions: number }> {
  let sessions = 0;
  while (!signal.aborted) {
    const gone = await dropOldSessions.count(core.db.pool, []);
    sessions += gone;
    if (gone === 0) break;
  }
  return { sessions };
}
