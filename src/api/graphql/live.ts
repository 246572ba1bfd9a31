/** Live updates: subscriptions over graphql-ws and SSE. */
import { NotFoundError } from "../../errors.ts";
import type { RequestChange } from "../../live/feed.ts";
import { showReplays } from "../../requests/replay.ts";
import { idOf, type NodeType } from "../../wire/ids.ts";
import { builder } from "./builder.ts";
import { type Context, callerOf, feedOptions } from "./context.ts";
import { WebhookDefinition, WebhookRequest } from "./nodes.ts";
import { isSeen, narrowing } from "./portal-rows.ts";
import { Replay } from "./replays.ts";
import { demandKnown, requestFilter, WebhookRequestFilter } from "./request-filter.ts";

const WebhookRequestUpdate = builder.objectRef<RequestChange>("WebhookRequestUpdate").implement({
  description: "One change of the live feed: a request came into being, or changed its state.",
  fields: (t) => ({
    cursor: t.exposeString("cursor", { description: "Keep the last one: given as `after` it goes on without a gap, on any process." }),
    request: t.expose("request", { type: WebhookRequest, description: "As it was right after this change; it may have gone on since." }),
  }),
});

/** Deleted definitions count as known: their queued requests are still there to be watched. */
async function exists(context: Context, table: "webhookDefinition" | "workflowRule" | "webhookRequest", id: string): Promise<boolean> {
  const { organizationId } = callerOf(context);
  const { prisma } = context.doors.core.db;
  const where = { where: { id, organizationId } };
  if (table === "webhookDefinition") return (await prisma.webhookDefinition.count(where)) > 0;
  return (table === "workflowRule" ? await prisma.workflowRule.count(where) : await prisma.webhookRequest.count(where)) > 0;
}

builder.queryField("liveCursor", (t) =>
  t.string({
    description:
      "Where the live updates stand now: list first, then subscribe with this as `after`, and nothing is missed between the two.",
    authScopes: { scope: "webhooks:read" },
    resolve: (_root, _args, context) => context.doors.feed.cursor(callerOf(context).organizationId),
  }),
);

builder.subscriptionField("webhookRequestUpdated", (t) =>
  t.field({
    type: WebhookRequestUpdate,
    description:
      "Requests as they change: from now on, or everything after a cursor. Each change once, in the order they were committed. A subscriber that is too slow is closed, and may come back with its last cursor. SENDING is seen in queries only: no change tells of it, and a filter of SENDING alone is refused.",
    authScopes: { scope: "webhooks:read" },
    args: {
      filter: t.arg({ type: WebhookRequestFilter, description: "Only requests that match, judged as of each change; all when absent." }),
      after: t.arg.string({
        description: "The cursor of the last update that arrived; from now on when absent. BAD_CURSOR when it is too old.",
      }),
    },
    subscribe: async (_root, { filter: given, after }, context) => {
      const { organizationId } = callerOf(context);
      const filter = { ...requestFilter(callerOf(context), given), ...(await narrowing(context)) };
      await demandKnown(filter, (table, id) => exists(context, table, id));
      const changes = await context.doors.feed.requests({ organizationId, filter, ...feedOptions(context, after) });
      if (!callerOf(context).portal) return changes;
      // What a definition had before it was moved here goes on as its former application's.
      return onlySeen(changes, ({ request }) => isSeen(context, "WebhookRequest", request));
    },
    resolve: (change) => change,
  }),
);

/** @throws NotFoundError */
function known(type: NodeType, id: string): string {
  const uuid = idOf(type, id);
  if (uuid === undefined) throw new NotFoundError("the id");
  return uuid;
}

builder.subscriptionField("webhookDefinitionUpdated", (t) =>
  t.field({
    type: WebhookDefinition,
    description: "A definition after each change of its settings or state. Ends when it is deleted.",
    authScopes: { scope: "webhooks:read" },
    args: { id: t.arg.id({ required: true, description: "The definition to watch, `whd_…`; NOT_FOUND when there is none." }) },
    subscribe: async (_root, args, context) => {
      const { organizationId } = callerOf(context);
      const id = known("WebhookDefinition", args.id);
      const read = () => context.doors.core.db.prisma.webhookDefinition.findFirst({ where: { id, organizationId, deletedAt: null } });
      if (!(await read())) throw new NotFoundError("the webhook definition");
      return shownAfter(await context.doors.feed.watch.changes("definition", { organizationId, id, signal: context.signal }), read);
    },
    resolve: (definition) => definition,
  }),
);

builder.subscriptionField("replayUpdated", (t) =>
  t.field({
    type: Replay,
    description: "A replay, as it is and after each step. Ends when it is done.",
    authScopes: { scope: "webhooks:read" },
    args: { id: t.arg.id({ required: true, description: "Global id of what to watch; NOT_FOUND when there is none." }) },
    subscribe: async (_root, args, context) => {
      const { organizationId } = callerOf(context);
      const { core, feed } = context.doors;
      const id = known("Replay", args.id);
      const read = async () => (await showReplays(core, organizationId, [id]))[0] ?? null;
      if (!(await read())) throw new NotFoundError("the replay");
      const changes = await feed.watch.changes("replay", { organizationId, id, signal: context.signal, initial: true });
      return shownAfter(changes, read, (replay) => replay.state !== "RUNNING");
    },
    resolve: (replay) => replay,
  }),
);

/**
 * The row as it is after each change; ends when it is gone, or `last` says so. Not a generator: one that waits for a
 * change could not be ended before that change comes.
 */
function shownAfter<Row>(
  changes: AsyncIterableIterator<unknown>,
  read: () => Promise<Row | null>,
  last: (row: Row) => boolean = () => false,
): AsyncIterableIterator<Row> {
  const end = async (): Promise<IteratorResult<Row>> => {
    await changes.return?.();
    return { done: true, value: undefined };
  };
  let over = false;
  return {
    async next() {
      if (over || (await changes.next()).done) return end();
      const row = await read();
      if (row === null) return end();
      over = last(row);
      return { done: false, value: row };
    },
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Not a generator, for the same reason. */
function onlySeen<Row>(rows: AsyncIterableIterator<Row>, seen: (row: Row) => Promise<boolean>): AsyncIterableIterator<Row> {
  return {
    async next() {
      for (;;) {
        const step = await rows.next();
        if (step.done || (await seen(step.value))) return step;
      }
    },
    return: async () => (await rows.return?.()) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
