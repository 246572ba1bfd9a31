/** `/api/v2/notifications`: where a receiver says later what became of a notification, and looks at its own. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { createSession } from "../../../accounts/sessions.ts";
import type { Core } from "../../../core.ts";
import { checkWebService, type WebService } from "../../../definitions/web-services.ts";
import { confirmNotification } from "../../../delivery/lane-callback.ts";
import { NotFoundError, UnauthenticatedError, ValidationError } from "../../../errors.ts";
import { findNotification, listNotifications, type Notification } from "../../../requests/notifications.ts";
import { envelopeOf } from "../../../wire/dialects/doforms.ts";
import { idOf } from "../../../wire/ids.ts";
import { HTTP } from "../../limits.ts";
import { parse, route } from "./answers.ts";
import { webServiceCalling } from "./auth.ts";

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
async function find(core: Core, service: WebService, request: FastifyRequest): Promise<Notification> {
  const id = idOf("WebhookRequest", (request.params as { key: string }).key);
  const notification = id === undefined ? undefined : await findNotification(core, service, id);
  if (!notification) throw new NotFoundError("the notification");
  return notification;
}

export function notificationRoutes(app: FastifyInstance, core: Core): void {
  route(app, "/api/v2/notifications", {
    get: async (request) => {
      const service = await webServiceCalling(core, request);
      const parsed = range.safeParse(request.query);
      if (!parsed.success) {
        throw new ValidationError(parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message })));
      }
      const { status, ...page } = parsed.data;
      const chosen = status?.toUpperCase() as Notification["status"] | undefined;
      return (await listNotifications(core, service, { ...page, status: chosen })).map((each) => shown(service, each));
    },
  });
  route(app, "/api/v2/notifications/:key", {
    get: async (request) => {
      const service = await webServiceCalling(core, request);
      return shown(service, await find(core, service, request));
    },
    put: async (request) => {
      const service = await webServiceCalling(core, request);
      const { id, organizationId } = await find(core, service, request);
      const { status, message } = parse(confirmation, request);
      await confirmNotification(core, organizationId, id, status === "completed" ? "COMPLETED" : "FAILED", message ?? null);
      return shown(service, await find(core, service, request));
    },
  });
  route(
    app,
    "/api/v2/tokens/webservice",
    {
      post: async (request, reply) => {
        const { id, password } = parse(pair, request);
        const service = await checkWebService(core, id, password, request.ip);
        if (!service) throw new UnauthenticatedError("unknown web service or wrong password");
        const session = {
          organizationId: service.organizationId,
          kind: "DOFORMS",
          webServiceId: service.id,
          ttlSeconds: TOKEN_SECONDS,
        } as const;
        const { token, expiresAt } = await createSession(core, session);
        return reply.header("cache-control", "no-store").send({ token, expires: expiresAt.toISOString() });
      },
    },
    { bodyLimit: HTTP.signInBytes },
  );
}
