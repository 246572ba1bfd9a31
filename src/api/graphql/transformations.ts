/** Trying a payload transformation out. */
import { demand } from "../../accounts/caller.ts";
import { MOST_TRIED } from "../../delivery/sandbox/queue.ts";
import type { TransformResult } from "../../delivery/sandbox/sandbox.ts";
import { eventJson, transform } from "../../delivery/shaping.ts";
import { NotFoundError } from "../../errors.ts";
import type { EventView } from "../../wire/dialect.ts";
import { JsonSource } from "../../wire/json-source.ts";
import { lostNumbers } from "../../wire/lost-numbers.ts";
import { builder } from "./builder.ts";
import { callerOf } from "./context.ts";
import { EventInput, imagined } from "./event-input.ts";
import { openMutation, uuidOf } from "./mutation.ts";

/** Told at once. */
const MOST_WARNINGS = 20;
const MOST_TOKEN = 60;

/** Numbers of the event that are other ones in JavaScript, and do not stand in the body as they are. */
function warningsOf(event: EventView, ran: TransformResult): string[] {
  const body = ran.kind === "SEND" ? ran.body : "";
  return lostNumbers(eventJson(event), MOST_WARNINGS)
    .filter(({ token }) => !body.includes(token))
    .map(({ path, token }) => {
      const shown = token.length > MOST_TOKEN ? `${token.slice(0, MOST_TOKEN)}…` : token;
      const exact = /^-?\d+$/.test(token) ? "as a BigInt" : "as a text";
      return `event.${path} is ${shown}, and ${Number(token)} in JavaScript; event.exact.${path} has it ${exact}`;
    });
}

interface DryRun {
  ran: TransformResult;
  warnings: string[];
}

const TransformationResult = builder.objectRef<DryRun>("TransformationResult").implement({
  description: "What a transformation made of an event in a dry run. Nothing was sent or logged.",
  fields: (t) => ({
    send: t.boolean({
      description: "Whether a request would be sent: false when it returned null, or failed (`error`).",
      resolve: ({ ran }) => ran.kind === "SEND",
    }),
    body: t.field({
      type: "JSON",
      nullable: true,
      description: "The body that would be sent; null when nothing would.",
      resolve: ({ ran }) => (ran.kind === "SEND" ? new JsonSource(ran.body) : null),
    }),
    headers: t.field({
      type: "JSON",
      nullable: true,
      description: "The headers that it adds, `{name: value}`; null when nothing would be sent.",
      resolve: ({ ran }) => (ran.kind === "SEND" ? ran.headers : null),
    }),
    urlSuffix: t.string({
      nullable: true,
      description: "What it appends to the target's URL, beginning with one `/`: at most 1024 characters; null for none.",
      resolve: ({ ran }) => (ran.kind === "SEND" && ran.urlSuffix !== "" ? ran.urlSuffix : null),
    }),
    console: t.stringList({ description: "The lines that it wrote to the console: 64 KiB at most.", resolve: ({ ran }) => ran.console }),
    error: t.string({
      nullable: true,
      description:
        "Its mistake and the line of it, for which a request would be REJECTED (TRANSFORMATION_ERROR); null when it ran to its end.",
      resolve: ({ ran }) => (ran.kind === "ERROR" ? ran.message : null),
    }),
    warnings: t.exposeStringList("warnings", {
      description:
        "Numbers of the event that JavaScript cannot hold, and that are not in the body as they were sent: where each stands, and where the transformation finds it exactly. At most 20.",
    }),
    durationMs: t.int({
      description: "Milliseconds that it ran; it is stopped at 1000.",
      resolve: ({ ran }) => Math.round(ran.durationMs),
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
    const ran = await transform(event, input.transformation, sandbox, { organizationId, key: "dry-run", most: MOST_TRIED });
    return { ran, warnings: warningsOf(event, ran) };
  },
);
