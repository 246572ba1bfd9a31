/** What follows a commit: the lanes held here get their new requests from memory, others are told. Only hints: `lane_due` is the truth. */
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Queue } from "../db/queue.ts";
import type { Catalog } from "../definitions/catalog.ts";
import { createFreshStatistics } from "../delivery/fresh-statistics.ts";
import { createOutHints, type OutHints } from "../delivery/hints.ts";
import { becomesDue, type LaneTicket } from "../delivery/lane-enqueue.ts";
import type { LaneHost } from "../delivery/worker.ts";

/** @param parts.hints those of the process, which tell of deliveries, too; absent: its own */
export function createAfterCommit(
  core: Core,
  { lanes, queue, hints = createOutHints(core) }: { lanes: LaneHost | undefined; queue: Queue; hints?: OutHints | undefined },
) {
  const statistics = createFreshStatistics(core);

  /** Nobody holds it, and this process has no place for it: one worker is woken by a job. */
  const needsJob = (ticket: LaneTicket) => !(lanes?.hasRoom ?? false) && becomesDue(ticket);

  async function wakeByJobs(tickets: readonly LaneTicket[]): Promise<void> {
    await queue.wakeLanes(
      core.db.pool as unknown as PoolClient,
      tickets.map((ticket) => ({ lane: ticket.ref, definition: ticket.definitionId })),
    );
    hints.job("lane");
  }

  function wakeOrTell(ticket: LaneTicket): void {
    if (lanes?.holds(ticket.ref)) {
      // More than memory should hold: its holder reads them.
      if (ticket.requests.length < ticket.after - ticket.before) lanes.wake([ticket.ref]);
    } else if (ticket.leased) hints.lane(ticket.ref);
    else if (!ticket.waiting) lanes?.wake([ticket.ref]);
  }

  return (organizationId: string, tickets: readonly LaneTicket[], catalog: Catalog | undefined): void => {
    if (tickets.length === 0) return;
    lanes?.accepted(
      tickets.filter((ticket) => ticket.requests.length === ticket.after - ticket.before),
      catalog?.version ?? 0,
    );
    hints.feed(organizationId);
    statistics.wrote(tickets.reduce((sum, { before, after }) => sum + after - before, 0));
    const jobs = tickets.filter(needsJob);
    const woken = new Set(jobs);
    for (const ticket of tickets) if (!woken.has(ticket) && !ticket.held && (ticket.leased || lanes)) wakeOrTell(ticket);
    if (jobs.length > 0)
      wakeByJobs(jobs).catch((error: Error) =>
        core.log.warn({ err: error.message, lanes: jobs.length }, "lanes wait for a look at what is due"),
      );
  };
}
