/** Scripts: JavaScript that runs here instead of a call. */
import type { Script as ScriptRow } from "../../db/generated/prisma/client.ts";
import { countScripts, createScript, deleteScript, findScript, listScripts, updateScript } from "../../definitions/scripts.ts";
import { pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, guardNode } from "./builder.ts";
import { given } from "./changes.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

export const Script = builder.objectRef<ScriptRow>("Script");
const ScriptConnection = connectionType("Script", Script);

guardNode("Script", "webhooks:read");
builder.node(Script, {
  description: "JavaScript of the organization that a definition runs, in a sandbox, instead of a call.",
  id: { resolve: (script) => script.id },
  isTypeOf: (value) => typeof value === "object" && value !== null && "source" in value && "name" in value,
  loadWithoutCache: (id, context) => findScript(context.doors.core, callerOf(context), { id }),
  fields: (t) => ({
    name: t.exposeString("name", { description: "Its name, unique in the organization." }),
    source: t.exposeString("source", { description: "Its JavaScript." }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was made." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When it was last changed." }),
  }),
});

builder.queryField("scripts", (t) =>
  t.field({
    type: ScriptConnection,
    description: "The scripts of the organization, newest first.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      return pageOfRows(
        await listScripts(context.doors.core, caller, pageOf(args, "scripts", uuidKey)),
        (script) => pageCursor("scripts", script.id),
        () => countScripts(context.doors.core, caller),
      );
    },
  }),
);

mutation("createScript", {
  description: "Stores a script. It must parse as JavaScript.",
  type: Script,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "Its name, unique in the organization." }),
    source: t.string({ required: true, description: "Its JavaScript; the value of the last expression is the result." }),
  }),
  resolve: (input, { doors, caller }) => createScript(doors.core, caller, input, doors),
});

mutation("updateScript", {
  description: "Changes a script: what is absent stays. The next run uses it.",
  type: Script,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "Which." }),
    name: t.string({ description: "Its name, unique in the organization." }),
    source: t.string({ description: "Its JavaScript." }),
  }),
  resolve: ({ id, ...changes }, { doors, caller }) =>
    updateScript(doors.core, caller, uuidOf("Script", id), given(changes, ["name", "source"]), doors),
});

mutation("deleteScript", {
  description: "Deletes a script. ConflictError while a definition runs it.",
  type: Script,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "Which." }) }),
  resolve: ({ id }, { doors, caller }) => deleteScript(doors.core, caller, uuidOf("Script", id)),
});
