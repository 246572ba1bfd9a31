/**
 * doForms' API, `/api/v2`: connections and web services for administrators, notifications for the web services that
 * receive them. What is original and what is ours: README.md here.
 */
import type { Caller } from "../../../accounts/caller.ts";
import { calledBy, defineFace } from "../face.ts";
import { adminCalling, webServiceCalling } from "./auth.ts";
import { connectionRoutes } from "./connections.ts";
import { doformsError, words } from "./errors.ts";
import { notificationRoutes, tokenRoute } from "./notifications.ts";
import { webServiceRoutes } from "./web-services.ts";

export const doforms = defineFace<Caller>({
  name: "doforms",
  prefixes: ["/api/v2"],
  errorForm: doformsError,
  words,
  authenticate: ({ core, request }) => adminCalling(core, request),
  routes: () => [...connectionRoutes, ...webServiceRoutes],
  openRoutes: () => [
    ...notificationRoutes.map((route) => calledBy(({ core, request }) => webServiceCalling(core, request), route)),
    tokenRoute,
  ],
  unknownPath: () => "the path was not found",
});
