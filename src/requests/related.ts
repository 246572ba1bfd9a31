/**
 * A request with what belongs to it, each read for all requests of its page (or feed batch) in one statement:
 * its event, its attempts, what the latest attempt sent and got.
 */
import type { Database } from "../db/client.ts";
import { type AttemptContent, type AttemptNode, readAttempts } from "./attempt.ts";
import { batched, byId, idsOf } from "./batch.ts";
import { type EventNode, readEvents } from "./event.ts";
import type { PageOf, Slice } from "./page.ts";
import type { RequestRow } from "./row.ts";

type DefinitionRow = NonNullable<Awaited<ReturnType<Database["unscoped"]["webhookDefinition"]["findUnique"]>>>;
type RuleRow = NonNullable<Awaited<ReturnType<Database["unscoped"]["workflowRule"]["findUnique"]>>>;

export interface LatestAttempt {
  attempt: AttemptNode;
  content: AttemptContent;
}

export interface RequestNode extends RequestRow {
  event(): Promise<EventNode | undefined>;
  definition(): Promise<DefinitionRow | undefined>;
  workflowRule(): Promise<RuleRow | undefined>;
  /** Oldest first; none that came after the moment this row shows. */
  attempts(page: PageOf<number>): Promise<Slice<AttemptNode>>;
  /** Undefined before the first attempt. */
  latest(): Promise<LatestAttempt | undefined>;
}

/**
 * Attempts are numbered 1 … attemptCount without holes, so a page of them is arithmetic. `after` and `before` are numbers.
 */
function windowOf(row: RequestRow, page: PageOf<number>) {
  const low = (page.after ?? 0) + 1;
  const high = Math.min(row.attemptCount, (page.before ?? Number.MAX_SAFE_INTEGER) - 1);
  const from = page.fromBack ? Math.max(low, high - page.limit + 1) : low;
  const to = page.fromBack ? high : Math.min(high, low + page.limit - 1);
  return { requestId: row.id, from, to, hasPreviousPage: from > 1 && row.attemptCount > 0, hasNextPage: to < row.attemptCount };
}

async function readAttemptPages(
  db: Database,
  rows: readonly RequestRow[],
  page: PageOf<number>,
): Promise<Map<RequestRow, Slice<AttemptNode>>> {
  const organizationId = rows[0]?.organizationId as string;
  const windows = rows.map((row) => windowOf(row, page));
  const found = await readAttempts(db.tenant(organizationId), organizationId, windows);
  return new Map(
    rows.map((row, i) => {
      const { hasNextPage, hasPreviousPage } = windows[i] as ReturnType<typeof windowOf>;
      return [row, { rows: found[i] ?? [], hasNextPage, hasPreviousPage }];
    }),
  );
}

const LATEST: PageOf<number> = { limit: 1, fromBack: true, after: undefined, before: undefined };

/** Makes nodes of requests of one organization that were read together. */
export function requestNodes(db: Database, rows: readonly RequestRow[]): RequestNode[] {
  const organizationId = rows[0]?.organizationId as string;
  const event = batched<RequestRow, EventNode>(rows, async (slice) => {
    const events = await readEvents(
      db,
      organizationId,
      idsOf(slice, (r) => r.eventId),
    );
    return byId(slice, (r) => r.eventId, new Map(events.map((e) => [e.id, e])));
  });
  const definition = batched<RequestRow, DefinitionRow>(rows, async (slice) => {
    const ids = idsOf(slice, (r) => r.definitionId);
    const found = await db.prisma.webhookDefinition.findMany({ where: { organizationId, id: { in: ids } } });
    return byId(slice, (r) => r.definitionId, new Map(found.map((d) => [d.id, d])));
  });
  const workflowRule = batched<RequestRow, RuleRow>(rows, async (slice) => {
    const ids = idsOf(slice, (r) => r.workflowRuleId);
    const found = ids.length === 0 ? [] : await db.prisma.workflowRule.findMany({ where: { organizationId, id: { in: ids } } });
    return byId(slice, (r) => r.workflowRuleId, new Map(found.map((rule) => [rule.id, rule])));
  });
  const pages = new Map<string, (row: RequestRow) => Promise<Slice<AttemptNode> | undefined>>();
  const attempts = async (row: RequestRow, page: PageOf<number>): Promise<Slice<AttemptNode>> => {
    const key = `${page.fromBack} ${page.limit} ${page.after} ${page.before}`;
    const batch = pages.get(key) ?? batched<RequestRow, Slice<AttemptNode>>(rows, (slice) => readAttemptPages(db, slice, page));
    pages.set(key, batch);
    return (await batch(row)) ?? { rows: [], hasNextPage: false, hasPreviousPage: false };
  };
  return rows.map((row) =>
    Object.assign(row, {
      event: () => event(row),
      definition: () => definition(row),
      workflowRule: () => workflowRule(row),
      attempts: (page: PageOf<number>) => attempts(row, page),
      async latest() {
        const attempt = (await attempts(row, LATEST)).rows[0];
        return attempt && { attempt, content: await attempt.content() };
      },
    }),
  );
}

/** What attempts sent and got, to be kept of a request that is about to be deleted. */
export interface Kept {
  /** Of the latest one. */
  latest: boolean;
  /** Of those on these pages of its attempts. */
  pages: readonly PageOf<number>[];
}

/**
 * Reads what belongs to a request that is about to be deleted, so that it can still be shown: of large bodies only what will be.
 * @returns the same row, which no longer asks the database for what goes with it
 */
export async function detached(request: RequestNode, kept: Kept): Promise<RequestNode> {
  const everything: PageOf<number> = { limit: request.attemptCount, fromBack: false, after: undefined, before: undefined };
  const { rows } = await request.attempts(everything);
  const windows = kept.pages.map((page) => windowOf(request, page));
  const asked = rows.filter(({ number }) => windows.some(({ from, to }) => number >= from && number <= to));
  await Promise.all([request.event(), request.definition(), request.workflowRule(), ...asked.map((attempt) => attempt.content())]);
  const attempts = async (page: PageOf<number>): Promise<Slice<AttemptNode>> => {
    const { from, to, hasNextPage, hasPreviousPage } = windowOf(request, page);
    return { rows: rows.filter((attempt) => attempt.number >= from && attempt.number <= to), hasNextPage, hasPreviousPage };
  };
  const latest = kept.latest ? await request.latest() : undefined;
  return Object.assign(request, { attempts, latest: async () => latest });
}
