/** Trying a payload transformation out. */
import { demand } from "../../accounts/caller.ts";
import type { TransformResult } from "../../delivery/sandbox/sandbox.ts";
import { transform } from "../../delivery/shaping.ts";
import { NotFoundError } from "../../errors.ts";
import { JsonSource } from "../../wire/json-source.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { EventInput, imagined } from "./event-input.ts";
import { openMutation, uuidOf } from "./mutation.ts";

const TransformationResult = builder.objectRef<TransformResult>("TransformationResult").implement({
  description: "What a transformation made of an event in a dry run. Nothing was sent or logged.",
  fields: (t) => ({
    send: t.boolean({
      description: "Whether a request would be sent: false when it returned null, or failed (`error`).",
      resolve: (ran) => ran.kind === "SEND",
    }),
    body: t.field({
      type: "JSON",
      nullable: true,
      description: "The body that would be sent; null when nothing would.",
      resolve: (ran) => (ran.kind === "SEND" ? new JsonSource(ran.body) : null),
    }),
    headers: t.field({
      type: "JSON",
      nullable: true,
      description: "The headers that it adds, `{name: value}`; null when nothing would be sent.",
      resolve: (ran) => (ran.kind === "SEND" ? ran.headers : null),
    }),
    urlSuffix: t.string({
      nullable: true,
      description: "What it appends to the target's URL, beginning with one `/`: at most 1024 characters; null for none.",
      resolve: (ran) => (ran.kind === "SEND" && ran.urlSuffix !== "" ? ran.urlSuffix : null),
    }),
    console: t.stringList({ description: "The lines that it wrote to the console: 64 KiB at most.", resolve: (ran) => ran.console }),
    error: t.string({
      nullable: true,
      description:
        "Its mistake and the line of it, for which a request would be REJECTED (TRANSFORMATION_ERROR); null when it ran to its end.",
      resolve: (ran) => (ran.kind === "ERROR" ? ran.message : null),
    }),
    durationMs: t.int({
      description: "Milliseconds that it ran; it is stopped at 1000.",
      resolve: (ran) => Math.round(ran.durationMs),
    }),
  }),
});

openMutation(
  "dryRunTransformation",
  {
    description: "Runs a transformation over an event and shows what it makes of it. Sends and logs nothing; a VIEWER may call it.",
    type: TransformationResult,
    input: (t) => ({
      transformation: t.string({
        required: true,
        description: "JavaScript that defines `function transform(event)`, as a definition would have it.",
      }),
      event: t.field({ type: EventInput, required: true, description: "The event to hand to it, which need not have happened." }),
      webhookDefinitionId: t.id({ description: "The definition that it is meant for; NotFoundError for an unknown one." }),
    }),
  },
  async (input, context) => {
    const caller = callerOf(context);
    demand(caller, "webhooks:read");
    const { core, sandbox } = context.doors;
    const { organizationId } = caller;
    if (input.webhookDefinitionId) {
      const where = { id: uuidOf("WebhookDefinition", input.webhookDefinitionId), organizationId, deletedAt: null };
      if (!(await core.db.prisma.webhookDefinition.findFirst({ where, select: { id: true } })))
        throw new NotFoundError("the webhook definition");
    }
    const event = imagined(core, organizationId, input.event);
    return transform(event, input.transformation, sandbox, { organizationId, key: "dry-run" });
  },
);
