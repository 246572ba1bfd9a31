/** The log of posts to an inbound webhook. */
import type { InboundWebhook } from "../../goals/inbound-webhooks.ts";
import { countPosts, type InboundPost as InboundPostRow, listPosts } from "../../inbound/posts.ts";
import { listKind, type PageOf, pageCursor, pageOf, type Slice, sliceOf, uuidKey } from "../../requests/page.ts";
import { globalId } from "../../wire/ids.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { InboundOutcome } from "./inbound-enums.ts";
import { loader, loaderBy } from "./loader.ts";
import { connectionType, pageOfRows } from "./page.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type FieldBuilder = PothosSchemaTypes.ObjectFieldBuilder<BuilderTypes, InboundWebhook>;

const InboundPost = builder.objectRef<InboundPostRow>("InboundPost").implement({
  description: "One post with the right key: what became of it, never what was in it.",
  fields: (t) => ({
    receivedAt: t.expose("receivedAt", {
      type: "DateTime",
      description: "The moment of its answer, by the clock of the process that gave it.",
    }),
    outcome: t.expose("outcome", {
      type: InboundOutcome,
      description: "Accepted as an event or a value, the same as an earlier one, or refused: see `reason`.",
    }),
    status: t.exposeInt("status", { description: "The HTTP status of the answer, such as 202." }),
    reason: t.exposeString("reason", {
      nullable: true,
      description: "Why it was refused, which its sender is not told of a 401; else null.",
    }),
    eventId: t.id({
      nullable: true,
      description: "The event, `evt_…`, which retention may have deleted since; null where there is none.",
      resolve: ({ eventId }) => (eventId === null ? null : globalId("Event", eventId)),
    }),
  }),
});
const postsOf = loaderBy<PageOf<string>, Slice<InboundPostRow>>((context, ids, page) =>
  listPosts(context.doors.core, callerOf(context), ids, page),
);
const countOf = loader<number>((context, ids) => countPosts(context.doors.core, callerOf(context), ids));

const InboundPostConnection = connectionType("InboundPost", InboundPost);

export const inboundPosts = (t: FieldBuilder) =>
  t.field({
    type: InboundPostConnection,
    description: "The posts of the last 7 days with the right key, newest first, 1000 at most.",
    args: t.arg.connectionArgs(),
    resolve: async (webhook, args, context) => {
      const kind = listKind("inboundPosts", webhook.id);
      const page = pageOf(args, kind, uuidKey);
      return pageOfRows(
        (await postsOf(context, webhook.id, page)) ?? sliceOf(page, []),
        (post) => pageCursor(kind, post.id),
        async () => (await countOf(context, webhook.id)) ?? 0,
      );
    },
  });
