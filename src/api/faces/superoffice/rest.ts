/** `/api/v1/Webhook`: the REST rows. */
import type { Caller } from "../../../accounts/caller.ts";
import type { DefinitionRow } from "../../../definitions/settings.ts";
import type { Route } from "../face.ts";
import { onPresent } from "../on-present.ts";
import { answer } from "./answer.ts";
import { answerDefault, answerList, answerRest, route, type SoCall, shown, signal, test, webhookIn } from "./calls.ts";
import { httpDate } from "./dates.ts";
import { FaceError } from "./errors.ts";
import { readWebhook } from "./input.ts";
import { createWebhook, deleteWebhook, demandWrite, findWebhook, lastErrorOf, replaceWebhook } from "./operations.ts";
import { changedFields, patched } from "./patch.ts";
import { keepTypes } from "./xml.ts";

const REST = "/api/v1/Webhook";

const seconds = (date: Date) => Math.floor(date.getTime() / 1000);

/** @throws FaceError 412 */
function demandUnmodified({ request }: SoCall, row: DefinitionRow): void {
  const since = httpDate(request.headers["if-unmodified-since"]);
  if (since !== undefined && seconds(row.updatedAt) > since) throw new FaceError(412, "the webhook was changed meanwhile");
}

/** The webhook that is to be changed. */
async function changeable(call: SoCall): Promise<DefinitionRow> {
  demandWrite(call.caller);
  const row = await findWebhook(call.doors, call.caller, call.param("id"));
  demandUnmodified(call, row);
  return row;
}

const signalled = (call: SoCall, primaryKey: string) =>
  signal(call, { name: call.param("id"), primaryKey, value: call.body.value, data: call.body.text });

export const restRoutes: readonly Route<Caller>[] = [
  route(REST, {
    GET: (call) =>
      answerList(call, { name: call.query("nameFilter"), event: call.query("eventFilter"), status: call.query("statusFilter") }),
    POST: async (call) => answerRest(call, await createWebhook(call.doors, call.caller, readWebhook(webhookIn(call)))),
  }),
  route(`${REST}/default`, { GET: (call) => answerDefault(call) }),
  route(`${REST}/Test`, { POST: (call) => test(call, webhookIn(call)) }),
  route(`${REST}/:id`, {
    GET: async (call) => {
      const row = await findWebhook(call.doors, call.caller, call.param("id"));
      const since = httpDate(call.request.headers["if-modified-since"]);
      if (since !== undefined && seconds(row.updatedAt) <= since) return call.reply.code(304).send();
      return answerRest(call, row);
    },
    PUT: async (call) => {
      // Its target is asked for an answer before it is saved, which takes seconds: what the header said must hold then, too.
      const guarded = call.request.headers["if-unmodified-since"] !== undefined;
      return answerRest(
        call,
        await onPresent(async () => {
          const row = await changeable(call);
          const input = readWebhook(await typed(call, row));
          return replaceWebhook(call.doors, call.caller, row, input, undefined, guarded ? row.updatedAt : undefined);
        }),
      );
    },
    PATCH: async (call) => {
      return answerRest(
        call,
        await onPresent(async () => {
          const row = await changeable(call);
          const before = await shown(call, row);
          const patch = call.body.root === undefined ? call.body.value : keepTypes({ ...before }, call.body.value);
          const after = patched(before, patch);
          return replaceWebhook(call.doors, call.caller, row, readWebhook(after), changedFields(before, after), row.updatedAt);
        }),
      );
    },
    DELETE: async (call) => {
      await deleteWebhook(call.doors, call.caller, call.param("id"));
      return call.reply.code(204).send();
    },
  }),
  route(`${REST}/:id/LastError`, {
    GET: async (call) => {
      const row = await findWebhook(call.doors, call.caller, call.param("id"));
      return answer(call.request, call.reply, "string", await lastErrorOf(call.doors, row));
    },
    POST: (call) => signalled(call, "LastError"),
  }),
  route(`${REST}/:id/:primaryKey`, { POST: (call) => signalled(call, call.param("primaryKey")) }),
];

/** XML has no types: what comes back as it went out is what it was. */
export async function typed(call: SoCall, row: DefinitionRow): Promise<Record<string, unknown>> {
  const given = webhookIn(call);
  if (call.body.root === undefined) return given;
  return keepTypes({ ...(await shown(call, row)) }, given) as Record<string, unknown>;
}
