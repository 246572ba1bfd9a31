/** Scripts: JavaScript that runs here instead of a call. */
import { countScripts, createScript, deleteScript, listScripts, updateScript } from "../../definitions/scripts.ts";
import { listKind, pageCursor, pageOf, uuidKey } from "../../requests/page.ts";
import { builder, owned } from "./builder.ts";
import { given, unchangedFields } from "./changes.ts";
import { callerOf } from "./context.ts";
import { mutation, uuidOf } from "./mutation.ts";
import { connectionType, pageOfRows } from "./page.ts";

export const Script = builder.prismaNode("Script", {
  ...owned("Script", "webhooks:read"),
  description:
    "JavaScript that a definition runs here instead of calling a URL: a fresh sandbox a run, without network and timers; 1 s, 32 MiB and 64 KiB of output at most.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "Unique in the organization; SuperOffice's TargetUrl names a script by it." }),
    source: t.exposeString("source", {
      description:
        "Event, Entity, PrimaryKey, Changes and the definition's properties are globals; the value of the last expression and the console become the attempt's response.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When createScript was called; lists are in this order." }),
    updatedAt: t.expose("updatedAt", { type: "DateTime", description: "When updateScript last changed it; createdAt until then." }),
  }),
});
const ScriptConnection = connectionType("Script", Script);

builder.queryField("scripts", (t) =>
  t.field({
    type: ScriptConnection,
    description: "The scripts that definitions of the organization may run, newest first. Needs the scope webhooks:read.",
    authScopes: { scope: "webhooks:read" },
    args: t.arg.connectionArgs(),
    resolve: async (_root, args, context) => {
      const caller = callerOf(context);
      const kind = listKind("scripts", caller.organizationId);
      return pageOfRows(
        await listScripts(context.doors.core, caller, pageOf(args, kind, uuidKey)),
        (script) => pageCursor(kind, script.id),
        () => countScripts(context.doors.core, caller),
      );
    },
  }),
);

mutation("createScript", {
  description: "Stores JavaScript for definitions to run. It must parse, or a ValidationError names the line.",
  type: Script,
  scope: "webhooks:write",
  input: (t) => ({
    name: t.string({ required: true, description: "1 to 255 characters, unique in the organization: ConflictError when it is taken." }),
    source: t.string({
      required: true,
      description: "JavaScript such as `({ renamed: Changes.name !== undefined })`; the value of the last expression is the result.",
    }),
  }),
  resolve: (input, { doors, caller }) => createScript(doors.core, caller, input, doors),
});

mutation("updateScript", {
  description: "Changes a script, from the next run on: what is absent stays.",
  type: Script,
  scope: "webhooks:write",
  input: (t) => ({
    id: t.id({ required: true, description: "The script to change; NotFoundError when there is none." }),
    name: t.string({ description: "1 to 255 characters, unique in the organization: ConflictError when it is taken." }),
    source: t.string({ description: "JavaScript; it must parse, or nothing is changed." }),
    ...unchangedFields(t),
  }),
  resolve: ({ id, ifUnchangedSince, ...changes }, { doors, caller }) =>
    updateScript(doors.core, caller, uuidOf("Script", id), given(changes, ["name", "source"]), doors, ifUnchangedSince),
});

mutation("deleteScript", {
  description: "Deletes a script and answers with it. ConflictError while a definition runs it.",
  type: Script,
  scope: "webhooks:write",
  input: (t) => ({ id: t.id({ required: true, description: "The script to delete; no definition may run it any more." }) }),
  resolve: ({ id }, { doors, caller }) => deleteScript(doors.core, caller, uuidOf("Script", id)),
});
