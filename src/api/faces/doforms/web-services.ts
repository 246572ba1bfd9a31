/** `/api/v2/webservices`: doForms' Manage > Integrations > Web services, and its Set Target. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import {
  createWebService,
  deleteWebService,
  findWebService,
  listWebServices,
  setTarget,
  type WebService,
} from "../../../definitions/web-services.ts";
import { globalId } from "../../../wire/ids.ts";
import type { Doors } from "../../doors.ts";
import { parse, route } from "./answers.ts";
import { adminCalling } from "./auth.ts";
import { connectionId } from "./connections.ts";

const text = z.string({ error: "must be text" });
const creation = z.object({ id: text, form: text, project: text, password: text });
const target = z.object({ connectionId: text, events: z.array(text, { error: "must be a list of added, edited, deleted and status" }) });

/** Its password is never shown. */
function shown({ externalId, form, project, connectionId: id, events, definitionId }: WebService) {
  const set = definitionId !== null && id !== null;
  return { id: externalId, form, project, target: set ? { connectionId: globalId("Connection", id), events } : null };
}

const idIn = (request: FastifyRequest) => (request.params as { id: string }).id;

export function webServiceRoutes(app: FastifyInstance, { core, sandbox, payloadQuery }: Doors): void {
  route(app, "/api/v2/webservices", {
    get: async (request) => (await listWebServices(core, await adminCalling(core, request))).map(shown),
    post: async (request, reply) => {
      const caller = await adminCalling(core, request);
      return reply.code(201).send(shown(await createWebService(core, caller, parse(creation, request))));
    },
  });
  route(app, "/api/v2/webservices/:id", {
    get: async (request) => shown(await findWebService(core, await adminCalling(core, request), idIn(request))),
    delete: async (request) => shown(await deleteWebService(core, await adminCalling(core, request), idIn(request))),
  });
  route(app, "/api/v2/webservices/:id/target", {
    put: async (request) => {
      const caller = await adminCalling(core, request);
      await findWebService(core, caller, idIn(request));
      const given = parse(target, request);
      const chosen = { events: given.events, connectionId: connectionId(given.connectionId) };
      return shown(await setTarget(core, caller, idIn(request), chosen, { sandbox, payloadQuery }));
    },
  });
}
