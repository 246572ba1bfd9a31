/**
 * RESULTS.com: inbound webhooks for goals. The public URL that takes values (`inbound.ts`) and the admin REST that makes
 * such URLs (`admin.ts`). What is original and what is ours: README.md here.
 */
import type { Caller } from "../../../accounts/caller.ts";
import { defineFace, type MountedFace } from "../face.ts";
import { admin, adminRoutes } from "./admin.ts";
import { guardHeaders, resultsError, words } from "./answers.ts";
import { type Deadlines, inboundRoutes } from "./inbound.ts";

/** @param deadlines shorter ones are for tests */
export function resultsFace(deadlines: Deadlines = {}): MountedFace {
  return defineFace<Caller>({
    name: "results",
    prefixes: ["/inbound", "/api/inbound-webhooks"],
    errorForm: resultsError,
    words,
    authenticate: admin,
    routes: () => adminRoutes,
    unrouted: guardHeaders,
    rewrite: readableInboundUrl,
    setUp: (app, doors) => void app.register(inboundRoutes(doors, deadlines)),
  });
}

export const results = resultsFace();

/**
 * Whatever stands where goal and key should stand is an unknown goal or a wrong key, also what no percent-decoder takes:
 * the router would refuse it before the checks of the contract, in another order and form.
 */
function readableInboundUrl(url: string): string {
  if (!url.startsWith("/inbound/")) return url;
  try {
    decodeURIComponent(url);
    return url;
  } catch {
    return url.replaceAll("%", "%25");
  }
}
