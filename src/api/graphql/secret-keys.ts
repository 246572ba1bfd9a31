/** Secret keys: named HMAC keys that CRMCOM definitions select. */
import type { SecretKey as SecretKeyRow } from "../../db/generated/prisma/client.ts";
import { countSecretKeys, createSecretKey, deleteSecretKey, findSecretKey, listSecretKeys } from "../../definitions/secret-keys.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

export const SecretKey = builder.objectRef<SecretKeyRow>("SecretKey");
const SecretKeyConnection = connectionType("SecretKey", SecretKey);

guardNode("SecretKey", "webhooks:read");
builder.node(SecretKey, {
  description: "A named HMAC key, your own text. Its value is never shown again.",
  id: { resolve: (key) => key.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "ciphertext" in value && "name" in value,
  loadWithoutCache: (id, context) => findSecretKey(context.doors.core, callerOf(context), { id }),
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name, unique in the organization." }),
    lastFour: t.exposeString("lastFour", { description: "The last four characters of its value." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
  }),
});

builder.queryField("secretKeys", (t) =>
  t.field({
    type: SecretKeyConnection,
    description: "The secret keys of the organization, newest first.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      return pageOfRows(
        await listSecretKeys(context.doors.core, caller, pageOf(args, "secretKeys", uuidKey)),
        (key) => pageCursor("secretKeys", key.id),
        () => countSecretKeys(context.doors.core, caller),
      );
    },
  }),
);

mutation("createSecretKey", {
  description: "Stores a named HMAC key, encrypted.",
  type: SecretKey,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "Its name, unique in the organization." }),
    secret: t.string({ required: true, description: "Its value: 1 to 400 characters, used as UTF-8 bytes. It is never shown again." }),
  }),
  resolve: (input, { doors, caller }) => createSecretKey(doors.core, caller, input),
});

mutation("deleteSecretKey", {
  description: "Deletes a secret key. ConflictError while a definition selects it.",
  type: SecretKey,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => deleteSecretKey(doors.core, caller, uuidOf("SecretKey", id)),
});
