/**
 * RESULTS.com: inbound webhooks for goals. The public URL that takes values (`results/inbound.ts`) and the admin REST
 * that makes such URLs (`results/admin.ts`). What is original and what is ours: README.md here.
 */
import type { FastifyPluginAsync } from "fastify";
import type { Doors } from "../doors.ts";
import { adminRoutes } from "./results/admin.ts";
import { type Deadlines, inboundRoutes } from "./results/inbound.ts";

/**
 * Whatever stands where goal and key should stand is an unknown goal or a wrong key, also what no percent-decoder takes:
 * the router would refuse it before the checks of the contract, in another order and form.
 */
export function readableInboundUrl(url: string): string {
  if (!url.startsWith("/inbound/")) return url;
  try {
    decodeURIComponent(url);
    return url;
  } catch {
    return url.replaceAll("%", "%25");
  }
}

/** @param deadlines shorter ones are for tests */
export function resultsRoutes(doors: Doors, deadlines: Deadlines = {}): FastifyPluginAsync {
  return async (app) => {
    await app.register(inboundRoutes(doors, deadlines));
    await app.register(adminRoutes(doors));
  };
}
