/** `/api/inbound-webhooks`: RESULTS.com's "More > Webhooks" as REST. Signed in, admins only; over the functions GraphQL calls. */
import { z } from "zod";
import type { Caller } from "../../../accounts/caller.ts";
import type { Core } from "../../../core.ts";
import { ForbiddenError, NotFoundError } from "../../../errors.ts";
import {
  allInboundWebhooks,
  createInboundWebhook,
  deleteInboundWebhook,
  findInboundWebhook,
  type InboundWebhook,
  type InboundWebhookWithKey,
  inboundWebhookUrl,
  rotateInboundWebhookKey,
  updateInboundWebhook,
} from "../../../goals/inbound-webhooks.ts";
import { globalId, idOf } from "../../../wire/ids.ts";
import { jsonOf } from "../../body.ts";
import { requireCaller } from "../../session.ts";
import { validate } from "../../validate.ts";
import type { Call, Route } from "../face.ts";
import { guardHeaders, REQUIRED } from "./answers.ts";

/** A missing property has a code of its own in this product's errors. */
const orRequired = (message: string) => ({ error: (issue: { input?: unknown }) => (issue.input === undefined ? REQUIRED : message) });
const text = z.string(orRequired("must be text"));
const creation = z.object({
  targetType: z.literal("goal", orRequired('must be "goal"; connect, meeting and task are reserved')),
  goalId: text,
  name: text.nullish(),
  description: text.nullish(),
});
const change = z.object({
  name: text.optional(),
  description: text.nullish(),
  enabled: z.boolean({ error: "must be true or false" }).optional(),
});

const withUrl = ({ doors }: Call, { inboundWebhook, key }: InboundWebhookWithKey) => ({
  ...shown(inboundWebhook),
  targetUrl: inboundWebhookUrl(doors.publicUrl(), inboundWebhook, key),
});

export const adminRoutes: readonly Route<Caller>[] = [
  {
    path: "/api/inbound-webhooks",
    methods: {
      GET: async ({ core }, caller) => (await allInboundWebhooks(core, caller)).map(shown),
      POST: async (call, caller) => {
        const { goalId, name, description } = validate(creation, jsonOf(call.request).value);
        const input = { goalId: known("Goal", goalId), name: name ?? null, description: description ?? null };
        guardHeaders(call.reply);
        return call.reply.code(201).send(withUrl(call, await createInboundWebhook(call.core, caller, input)));
      },
    },
  },
  {
    path: "/api/inbound-webhooks/:id",
    methods: {
      GET: async ({ core, param }, caller) => shown(await ofGoal(core, caller, param("id"))),
      PATCH: async ({ core, request, param }, caller) => {
        const { id } = await ofGoal(core, caller, param("id"));
        return shown(await updateInboundWebhook(core, caller, id, validate(change, jsonOf(request).value)));
      },
      DELETE: async ({ core, reply, param }, caller) => {
        await deleteInboundWebhook(core, caller, (await ofGoal(core, caller, param("id"))).id);
        return reply.code(204).send();
      },
    },
  },
  {
    path: "/api/inbound-webhooks/:id/rotate-key",
    methods: {
      POST: async (call, caller) => {
        const { id } = await ofGoal(call.core, caller, call.param("id"));
        const rotated = await rotateInboundWebhookKey(call.core, caller, id);
        guardHeaders(call.reply);
        return call.reply.send(withUrl(call, rotated));
      },
    },
  },
];

/** Roles come before ids: somebody who is no admin learns nothing of what exists. */
export async function admin({ core, request }: Call): Promise<Caller> {
  const caller = await requireCaller(core, request);
  if (!caller.scopes.has("admin")) throw new ForbiddenError();
  return caller;
}

/** @throws NotFoundError for what can be no id of ours */
function known(type: "Goal" | "InboundWebhook", id: string): string {
  const uuid = idOf(type, id);
  if (uuid === undefined) throw new NotFoundError(type === "Goal" ? "the goal" : "the inbound webhook");
  return uuid;
}

type OfGoal = InboundWebhook & { goalId: string };
const isOfGoal = (webhook: InboundWebhook | null): webhook is OfGoal => webhook !== null && webhook.goalId !== null;

/** This product knows no other. @throws NotFoundError */
async function ofGoal(core: Core, caller: Caller, given: string): Promise<OfGoal> {
  const webhook = await findInboundWebhook(core, caller, known("InboundWebhook", given));
  if (!isOfGoal(webhook)) throw new NotFoundError("the inbound webhook");
  return webhook;
}

/** The key is not among it: it is shown once, inside `targetUrl`. */
function shown({ id, targetType, goalId, name, description, enabled }: InboundWebhook) {
  return {
    id: globalId("InboundWebhook", id),
    targetType: targetType.toLowerCase(),
    goalId: globalId("Goal", goalId as string),
    name,
    description,
    enabled,
  };
}
