/** /healthz (the process runs), /readyz (it can work), /metrics unless it has a port of its own. All that a worker-only process serves. */
import type { FastifyPluginAsync } from "fastify";
import type { Core } from "../../core.ts";
import { createWritable, type Writable } from "../../db/writable.ts";
import { metricsRoutes } from "./metrics.ts";

/** Longest wait for the database's word, in milliseconds. */
const PATIENCE_MS = 2_000;

function withinPatience(writable: Writable): Promise<boolean> {
  const late = new Promise<boolean>((resolve) => setTimeout(resolve, PATIENCE_MS, false).unref());
  return Promise.race([writable.now(), late]);
}

/** @param draining true once the process is told to stop: then it is not ready, so that nothing new is sent to it */
export function healthRoutes(core: Core, draining: () => boolean): FastifyPluginAsync {
  const writable = createWritable(core.db, core.clock);
  return async (app) => {
    app.get("/healthz", async () => ({ status: "ok" }));
    app.get("/readyz", async (_request, reply) => {
      const checks = { database: await withinPatience(writable), notifications: core.notify.connected, draining: draining() };
      const ready = checks.database && checks.notifications && !checks.draining;
      if (!ready) reply.code(503).header("retry-after", "2");
      return {
        status: ready ? "ready" : checks.draining ? "draining" : "degraded",
        ...checks,
        delivery: core.config.delivery ? "on" : "off",
      };
    });
    if (core.config.metricsPort === undefined) await app.register(metricsRoutes(core));
  };
}
