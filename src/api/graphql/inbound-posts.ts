/** The log of posts to an inbound webhook that makes events. */
import type { InboundWebhook } from "../../goals/inbound-webhooks.ts";
import { countPosts, type InboundPost as InboundPostRow, listPosts } from "../../inbound/posts.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { globalId } from "../../wire/ids.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { InboundOutcome } from "./inbound-enums.ts";
import { connectionType, pageOfRows } from "./page.ts";

type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer T> ? T : never;
type FieldBuilder = PothosSchemaTypes.ObjectFieldBuilder<BuilderTypes, InboundWebhook>;

const InboundPost = builder.objectRef<InboundPostRow>("InboundPost").implement({
  description: "One post with the right key: what became of it, never what was in it.",
  fields: (t) => ({
    receivedAt: t.expose("receivedAt", { type: "DateTime", description: "When it was answered." }),
    outcome: t.expose("outcome", { type: InboundOutcome, description: "What became of it." }),
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
const InboundPostConnection = connectionType("InboundPost", InboundPost);

export const inboundPosts = (t: FieldBuilder) =>
  t.field({
    type: InboundPostConnection,
    description: "The posts of the last 7 days with the right key, newest first, 1000 at most. Empty for a goal's.",
    args: t.arg.connectionArgs(),
    resolve: async (webhook, args, context) => {
      const { core } = context.doors;
      const caller = callerOf(context);
      const kind = `inboundPosts:${webhook.id}`;
      return pageOfRows(
        await listPosts(core, caller, webhook.id, pageOf(args, kind, uuidKey)),
        (post) => pageCursor(kind, post.id),
        () => countPosts(core, caller, webhook.id),
      );
    },
  });
