/** `/api/v2/webservices`: doForms' Manage > Integrations > Web services, and its Set Target. */
import { z } from "zod";
import type { Caller } from "../../../accounts/caller.ts";
import {
  createWebService,
  deleteWebService,
  findWebService,
  listWebServices,
  setTarget,
  type WebService,
} from "../../../definitions/web-services.ts";
import { globalId } from "../../../wire/ids.ts";
import { jsonOf } from "../../body.ts";
import { validate } from "../../validate.ts";
import type { Route } from "../face.ts";
import { connectionId } from "./connections.ts";

const text = z.string({ error: "must be text" });
const creation = z.object({ id: text, form: text, project: text, password: text });
const target = z.object({ connectionId: text, events: z.array(text, { error: "must be a list of added, edited, deleted and status" }) });

/** Its password is never shown. */
function shown({ externalId, form, project, connectionId: id, events, definitionId }: WebService) {
  const set = definitionId !== null && id !== null;
  return { id: externalId, form, project, target: set ? { connectionId: globalId("Connection", id), events } : null };
}

export const webServiceRoutes: readonly Route<Caller>[] = [
  {
    path: "/api/v2/webservices",
    methods: {
      GET: async ({ core }, caller) => (await listWebServices(core, caller)).map(shown),
      POST: async ({ core, request, reply }, caller) =>
        reply.code(201).send(shown(await createWebService(core, caller, validate(creation, jsonOf(request).value)))),
    },
  },
  {
    path: "/api/v2/webservices/:id",
    methods: {
      GET: async ({ core, param }, caller) => shown(await findWebService(core, caller, param("id"))),
      DELETE: async ({ core, param }, caller) => shown(await deleteWebService(core, caller, param("id"))),
    },
  },
  {
    path: "/api/v2/webservices/:id/target",
    methods: {
      PUT: async ({ core, doors, request, param }, caller) => {
        const id = param("id");
        await findWebService(core, caller, id);
        const given = validate(target, jsonOf(request).value);
        const chosen = { events: given.events, connectionId: connectionId(given.connectionId) };
        return shown(await setTarget(core, caller, id, chosen, doors));
      },
    },
  },
];
