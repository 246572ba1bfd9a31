/**
 * RESULTS.com: inbound webhooks for goals. The public URL that takes values (`results/inbound.ts`) and the admin REST
 * that makes such URLs (`results/admin.ts`). What is original and what is ours: README.md here.
 */
import type { FastifyPluginAsync } from "fastify";
import type { Doors } from "../doors.ts";
import { adminRoutes } from "./results/admin.ts";
import { type Deadlines, inboundRoutes } from "./results/inbound.ts";

/** @param deadlines shorter ones are for tests */
export function resultsRoutes(doors: Doors, deadlines: Deadlines = {}): FastifyPluginAsync {
  return async (app) => {
    await app.register(inboundRoutes(doors, deadlines));
    await app.register(adminRoutes(doors));
  };
}
