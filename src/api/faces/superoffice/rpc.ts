/** `/api/v1/Agents/Webhook`: the RPC twins, all of them POST. */
import type { FastifyReply } from "fastify";
import type { Caller } from "../../../accounts/caller.ts";
import type { Route } from "../face.ts";
import { answer } from "./answer.ts";
import { givenId, member, objectOf, plainMember } from "./body.ts";
import { answerDefault, answerList, answerRpc, memberSource, route, type SoCall, signal, test, webhookIn } from "./calls.ts";
import { readWebhook } from "./input.ts";
import { createWebhook, deleteWebhook, demandWrite, findWebhook, lastErrorOf, replaceWebhook } from "./operations.ts";
import { typed } from "./rest.ts";

const rpc = (name: string, handler: (call: SoCall) => Promise<FastifyReply>) => route(`/api/v1/Agents/Webhook/${name}`, { POST: handler });

/** From the query, or from the body. */
const argument = (call: SoCall, name: string): unknown =>
  call.query(name) ?? plainMember((call.body.value ?? {}) as Record<string, unknown>, name);

export const rpcRoutes: readonly Route<Caller>[] = [
  rpc("CreateDefaultWebhook", (call) => answerDefault(call)),
  rpc("SaveWebhook", async (call) => {
    const { doors, caller } = call;
    demandWrite(caller);
    const given = webhookIn(call);
    const id = givenId(given);
    if (id === undefined) return answerRpc(call, await createWebhook(doors, caller, readWebhook(given)));
    const row = await findWebhook(doors, caller, id);
    return answerRpc(call, await replaceWebhook(doors, caller, row, readWebhook(await typed(call, row))));
  }),
  rpc("DeleteWebhook", async (call) => {
    await deleteWebhook(call.doors, call.caller, argument(call, "webhookId"));
    return call.reply.code(204).send();
  }),
  rpc("GetWebhook", async (call) => answerRpc(call, await findWebhook(call.doors, call.caller, argument(call, "webhookId")))),
  rpc("GetAllWebhooks", (call) => {
    const [name, event, status] = ["NameFilter", "EventFilter", "StatusFilter"].map((each) => argument(call, each));
    return answerList(call, { name, event, status });
  }),
  rpc("TestWebhook", (call) => {
    const webhook = member(objectOf(call.body, "Webhook"), "Webhook");
    return test(call, objectOf({ ...call.body, value: webhook }, "Webhook"));
  }),
  rpc("SignalEvent", (call) => {
    const given = objectOf(call.body, "event");
    const [name, primaryKey] = [plainMember(given, "EventName"), plainMember(given, "PrimaryKey")];
    return signal(call, { name, primaryKey, value: member(given, "Data"), data: memberSource(call, "Data") });
  }),
  rpc("GetLastError", async (call) => {
    const row = await findWebhook(call.doors, call.caller, argument(call, "WebhookId"));
    return answer(call.request, call.reply, "string", await lastErrorOf(call.doors, row));
  }),
];
