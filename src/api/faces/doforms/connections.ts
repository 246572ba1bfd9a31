/** `/api/v2/connections`: doForms' Manage > Integrations > Connections. */
import { z } from "zod";
import type { Caller } from "../../../accounts/caller.ts";
import type { Core } from "../../../core.ts";
import type { Connection } from "../../../db/generated/prisma/client.ts";
import {
  allConnections,
  createConnection,
  deleteConnection,
  findConnection,
  shownConnectionHeaders,
  updateConnection,
} from "../../../definitions/connections.ts";
import { shownUrl } from "../../../definitions/headers.ts";
import { NotFoundError } from "../../../errors.ts";
import { globalId, idOf } from "../../../wire/ids.ts";
import { jsonOf } from "../../body.ts";
import { validate } from "../../validate.ts";
import type { Route } from "../face.ts";
import { warn } from "../warning.ts";

const url = z.string({ error: "must be a URL" }).nullish();
const connection = z.object({
  name: z.string({ error: "must be text" }),
  type: z.literal("webhook", { error: 'must be "webhook"' }).default("webhook"),
  urls: z
    .strictObject(
      { added: url, edited: url, deleted: url, status: url },
      { error: "must be an object with added, edited, deleted and status, each a URL or absent" },
    )
    .optional(),
  headers: z
    .array(z.object({ name: z.string(), value: z.string() }), { error: 'must be a list of {"name": "…", "value": "…"}' })
    .optional(),
});
const changes = connection.partial({ name: true });

type Given = z.infer<typeof changes>;

/** `urls` replaces all four together; without it they stay. */
function settings({ name, urls, headers }: Given) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(urls === undefined
      ? {}
      : {
          urlAdded: urls.added ?? null,
          urlEdited: urls.edited ?? null,
          urlDeleted: urls.deleted ?? null,
          urlStatus: urls.status ?? null,
        }),
    ...(headers === undefined ? {} : { headers }),
  };
}

const present = <V>(object: Record<string, V | null | undefined>) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value != null));

function shown(core: Core, caller: Caller, row: Connection) {
  const [added, edited, deleted, status] = [row.urlAdded, row.urlEdited, row.urlDeleted, row.urlStatus].map((one) => shownUrl(caller, one));
  return {
    id: globalId("Connection", row.id),
    name: row.name,
    type: "webhook",
    urls: present({ added, edited, deleted, status }),
    headers: shownConnectionHeaders(core, caller, row),
  };
}

/** @throws NotFoundError */
export function connectionId(text: string): string {
  const id = idOf("Connection", text);
  if (id === undefined) throw new NotFoundError("the connection");
  return id;
}

export const connectionRoutes: readonly Route<Caller>[] = [
  {
    path: "/api/v2/connections",
    methods: {
      GET: async ({ core }, caller) => (await allConnections(core, caller)).map((row) => shown(core, caller, row)),
      POST: async ({ core, request, reply }, caller) => {
        const { name, ...given } = validate(connection, jsonOf(request).value);
        return reply.code(201).send(shown(core, caller, await createConnection(core, caller, { ...settings(given), name })));
      },
    },
  },
  {
    path: "/api/v2/connections/:id",
    methods: {
      GET: async ({ core, param }, caller) => {
        const row = await findConnection(core, caller, connectionId(param("id")));
        if (!row) throw new NotFoundError("the connection");
        return shown(core, caller, row);
      },
      PUT: async ({ core, request, reply, param }, caller) => {
        const [id, given] = [connectionId(param("id")), validate(changes, jsonOf(request).value)];
        const row = await updateConnection(core, caller, id, settings(given));
        warn(reply, row);
        return shown(core, caller, row);
      },
      DELETE: async ({ core, param }, caller) => shown(core, caller, await deleteConnection(core, caller, connectionId(param("id")))),
    },
  },
];
