/**
 * /metrics (Prometheus). It names no tenant and no secret, yet says much about an installation. With HOOKLINE_METRICS_TOKEN
 * whoever asks must show it; with HOOKLINE_METRICS_PORT it is served there alone; with neither, only this machine may ask.
 */
import type { FastifyPluginAsync, FastifyRequest } from "fastify";
import type { Core } from "../../core.ts";
import { hashToken, sameBytes } from "../../vault.ts";
import { credentialsOf } from "../credentials.ts";
import { type Problem, problemJson } from "../problem.ts";

const LOOPBACK = /^(::ffff:)?127\.|^::1$/;
/** What proxies add: then the connection's other end is the proxy, and says nothing about who asks. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

const asksFromHere = ({ raw, headers }: FastifyRequest): boolean =>
  // An injected request has no other end: it comes from this process.
  LOOPBACK.test(raw.socket.remoteAddress ?? "127.0.0.1") && !FORWARDED.some((name) => headers[name] !== undefined);

/** @returns why it is not answered */
function refusalOf(request: FastifyRequest, { metricsToken, metricsPort }: Core["config"]): Problem | undefined {
  if (metricsToken !== undefined) {
    const shown = credentialsOf(request.headers.authorization, "bearer");
    if (shown !== undefined && sameBytes(hashToken(shown), hashToken(metricsToken))) return undefined;
    const message = "send Authorization: Bearer with the value of HOOKLINE_METRICS_TOKEN";
    return { status: 401, code: "UNAUTHENTICATED", message, headers: { "www-authenticate": "Bearer" } };
  }
  if (metricsPort !== undefined || asksFromHere(request)) return undefined;
  const message = "only this machine may read /metrics: set HOOKLINE_METRICS_TOKEN, or HOOKLINE_METRICS_PORT for a port of its own";
  return { status: 403, code: "FORBIDDEN", message };
}

export function metricsRoutes({ config, metrics }: Core): FastifyPluginAsync {
  return async (app) => {
    app.get("/metrics", async (request, reply) => {
      const refusal = refusalOf(request, config);
      if (refusal) return problemJson(reply, refusal);
      return reply
        .type(metrics.contentType)
        .header("cache-control", "no-store")
        .send(await metrics.text());
    });
  };
}
