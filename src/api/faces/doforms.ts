/**
 * doForms' API, `/api/v2`: connections and web services for administrators, notifications for the web services that
 * receive them. What is original and what is ours: README.md here.
 */
import type { FastifyPluginAsync } from "fastify";
import { NotFoundError } from "../../errors.ts";
import type { Doors } from "../doors.ts";
import { answerError } from "./doforms/answers.ts";
import { connectionRoutes } from "./doforms/connections.ts";
import { notificationRoutes } from "./doforms/notifications.ts";
import { webServiceRoutes } from "./doforms/web-services.ts";

export function doformsRoutes(doors: Doors): FastifyPluginAsync {
  return async (app) => {
    app.setErrorHandler(answerError);
    connectionRoutes(app, doors.core);
    webServiceRoutes(app, doors);
    notificationRoutes(app, doors.core);
    app.all("/api/v2/*", async () => {
      throw new NotFoundError("the path");
    });
  };
}
