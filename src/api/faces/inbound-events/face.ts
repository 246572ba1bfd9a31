/** `/inbound/events/{id}/{key}`: any sender's posts become events. The key in the URL is the credential; most senders sign too. */
import { problemJson } from "../../problem.ts";
import { defineFace } from "../face.ts";
import { guardHeaders, inboundEventRoutes } from "./door.ts";

export const inboundEvents = defineFace<undefined>({
  name: "inbound-events",
  prefixes: ["/inbound/events"],
  errorForm: problemJson,
  authenticate: async () => undefined,
  routes: () => [],
  unrouted: guardHeaders,
  setUp: (app, doors) => void app.register(inboundEventRoutes(doors)),
});
