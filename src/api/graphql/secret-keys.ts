/** Secret keys: named HMAC keys that CRMCOM definitions select. */
import { countSecretKeys, createSecretKey, deleteSecretKey, listSecretKeys } from "../../definitions/secret-keys.ts";
import { listKind, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, owned } from "./builder.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

export const SecretKey = builder.prismaNode("SecretKey", {
  ...owned("SecretKey", "webhooks:read"),
  description: "A named HMAC key, your own text, that definitions of the dialect CRMCOM select. Its value is never shown again.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Unique in the organization; CRM.COM's API selects a key by it." }),
    lastFour: t.exposeString("lastFour", {
      description: "The end of the secret, to tell keys apart; `****` of one shorter than eight characters.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createSecretKey was called; lists are in this order." }),
  }),
});
const SecretKeyConnection = connectionType("SecretKey", SecretKey);

builder.queryField("secretKeys", (t) =>
  t.field({
    type: SecretKeyConnection,
    description: "The named HMAC keys of the organization without their values, newest first. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const kind = listKind("secretKeys", caller.organizationId);
      return pageOfRows(
        await listSecretKeys(context.doors.core, caller, pageOf(args, kind, uuidKey)),
        (key) => pageCursor(kind, key.id),
        () => countSecretKeys(context.doors.core, caller),
      );
    },
  }),
);

mutation("createSecretKey", {
  description: "Stores a named HMAC key, encrypted. A key never changes: make another one and select that.",
  type: SecretKey,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "1 to 255 characters, unique in the organization: ConflictError when it is taken." }),
    secret: t.string({ required: true, description: "1 to 400 characters, used as UTF-8 bytes; never shown again." }),
  }),
  resolve: (input, { doors, caller }) => createSecretKey(doors.core, caller, input),
});

mutation("deleteSecretKey", {
  description: "Deletes a named HMAC key and answers with what is left of it. ConflictError while a definition selects it.",
  type: SecretKey,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "The key to delete; no definition may select it any more." }) }),
  resolve: ({ id }, { doors, caller }) => deleteSecretKey(doors.core, caller, uuidOf("SecretKey", id)),
});
