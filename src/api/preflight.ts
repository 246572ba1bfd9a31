/** What a browser asks before a page of another origin may call. */
import type { FastifyRequest } from "fastify";

export const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === "OPTIONS" && headers.origin !== undefined && headers["access-control-request-method"] !== undefined;

/** Said where no other origin is named. */
export const NO_OTHER_ORIGINS = "pages of other origins may not call this server: name their origins in HOOKLINE_CORS_ORIGINS";
