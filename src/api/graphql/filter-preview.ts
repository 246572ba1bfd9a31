/** A filter tried on what has happened, before it is saved. */
import { MOST_PREVIEWED, type Preview, previewFilter } from "../../definitions/preview.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { Event } from "./events.ts";

const FilterPreviewEvent = builder.objectRef<Preview["events"][number]>("FilterPreviewEvent").implement({
  description: "One of the newest events, and whether the filter takes it.",
  fields: (t) => ({
    event: t.field({ type: Event, description: "One of the newest, with its payload as it was accepted.", resolve: (each) => each.event }),
    matches: t.exposeBoolean("matches", { description: "True when a definition with these event types and this filter would take it." }),
  }),
});

const FilterPreview = builder.objectRef<Preview>("FilterPreview").implement({
  description: "What a filter, before it is saved, would have taken of the newest events.",
  fields: (t) => ({
    scanned: t.exposeInt("scanned", { description: "How many events were looked at: fewer than `last` when there are no more." }),
    matched: t.exposeInt("matched", { description: "How many of those would have been taken." }),
    events: t.field({
      type: [FilterPreviewEvent],
      description: "All that were looked at, newest first, the ones not taken too.",
      resolve: (preview) => preview.events,
    }),
  }),
});

builder.queryField("filterPreview", (t) =>
  t.field({
    type: FilterPreview,
    description:
      "Which of the newest events a definition with these event types and this filter would take. Saves nothing; needs webhooks:write, as saving does. An event that costs the filter more than 100 000 steps does not match.",
    authScopes: { scope: "webhooks:write" },
    complexity: { field: MOST_PREVIEWED, multiplier: MOST_PREVIEWED },
    args: {
      eventTypes: t.arg.stringList({ required: true, description: "As in a definition: types, families such as order.*, or *." }),
      filter: t.arg({ type: "JSON", description: "As in a definition; null takes all." }),
      last: t.arg.int({
        defaultValue: MOST_PREVIEWED,
        description: `How many of the newest events to look at: at most ${MOST_PREVIEWED}.`,
      }),
    },
    resolve: (_root, { eventTypes, filter, last }, context) =>
      previewFilter(context.doors.core, callerOf(context), { eventTypes, filter: filter ?? null, last: last ?? MOST_PREVIEWED }),
  }),
);
