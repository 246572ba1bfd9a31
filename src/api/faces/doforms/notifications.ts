/** `/api/v2/notifications`: where a receiver says later what became of a notification, and looks at its own. */
import { z } from "zod";
import { createSession } from "../../../accounts/sessions.ts";
import { checkWebService, type WebService } from "../../../definitions/web-services.ts";
import { confirmNotification } from "../../../delivery/lane-callback.ts";
import { NotFoundError, UnauthenticatedError } from "../../../errors.ts";
import { findNotification, listNotifications, type Notification } from "../../../requests/notifications.ts";
import { envelopeOf } from "../../../wire/dialects/doforms.ts";
import { idOf } from "../../../wire/ids.ts";
import { jsonOf } from "../../body.ts";
import { HTTP } from "../../limits.ts";
import { validate } from "../../validate.ts";
import type { Call, Route } from "../face.ts";

/** A day, as the product's own tokens. */
const TOKEN_SECONDS = 24 * 3600;
const STATUSES = ["new", "received", "completed", "failed"] as const;
const MAX_MESSAGE = 4_000;

const confirmation = z.object({
  status: z.enum(["completed", "failed"], { error: 'must be "completed" or "failed"' }),
  message: z
    .string({ error: "must be text" })
    .max(MAX_MESSAGE, { error: `must have at most ${MAX_MESSAGE} characters` })
    .nullish(),
});
const pair = z.object({ id: z.string({ error: "must be text" }), password: z.string({ error: "must be text" }) });
const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, { error: "must be a whole number" })
    .transform(Number)
    .refine((n) => n >= least && n <= most, { error: `must be ${least} to ${most}` });
const range = z.object({
  status: z.enum(STATUSES, { error: `must be one of ${STATUSES.join(", ")}` }).optional(),
  limit: whole(1, 1_000).default(100),
  skip: whole(0, 100_000_000).default(0),
});

function shown(service: WebService, notification: Notification) {
  const { id, organizationId, eventType: type, payload, status, message, createdAt, updatedAt } = notification;
  return {
    ...envelopeOf({ organizationId, type, payload }, service.externalId, { id }),
    status: status.toLowerCase(),
    message: message ?? undefined,
    createTime: createdAt.toISOString(),
    updateTime: updatedAt.toISOString(),
  };
}

/** @throws NotFoundError for an unknown key and for another web service's */
async function find({ core, param }: Call, service: WebService): Promise<Notification> {
  const id = idOf("WebhookRequest", param("key"));
  const notification = id === undefined ? undefined : await findNotification(core, ownerOf(service), id);
  if (!notification) throw new NotFoundError("the notification");
  return notification;
}

/** Also once its target was deleted: what was sent before is called back for. */
const ownerOf = ({ organizationId, lastDefinitionId }: WebService) => ({ organizationId, definitionId: lastDefinitionId });

export const notificationRoutes: readonly Route<WebService>[] = [
  {
    path: "/api/v2/notifications",
    methods: {
      GET: async ({ core, request }, service) => {
        const { status, ...page } = validate(range, request.query);
        const chosen = status?.toUpperCase() as Notification["status"] | undefined;
        return (await listNotifications(core, ownerOf(service), { ...page, status: chosen })).map((each) => shown(service, each));
      },
    },
  },
  {
    path: "/api/v2/notifications/:key",
    methods: {
      GET: async (call, service) => shown(service, await find(call, service)),
      PUT: async (call, service) => {
        const { id, organizationId } = await find(call, service);
        const { status, message } = validate(confirmation, jsonOf(call.request).value);
        await confirmNotification(call.core, organizationId, id, status === "completed" ? "COMPLETED" : "FAILED", message ?? null);
        return shown(service, await find(call, service));
      },
    },
  },
];

export const tokenRoute: Route<undefined> = {
  path: "/api/v2/tokens/webservice",
  bodyBytes: HTTP.signInBytes,
  methods: {
    POST: async ({ core, request, reply }) => {
      const { id, password } = validate(pair, jsonOf(request).value);
      const service = await checkWebService(core, id, password, request.ip);
      if (!service) throw new UnauthenticatedError("unknown web service or wrong password");
      const owner = { organizationId: service.organizationId, webServiceId: service.id };
      const { token, expiresAt } = await createSession(core, { ...owner, kind: "DOFORMS", ttlSeconds: TOKEN_SECONDS });
      return reply.header("cache-control", "no-store").send({ token, expires: expiresAt.toISOString() });
    },
  },
};
