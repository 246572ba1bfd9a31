/** The path and query of a request, whose target may come with scheme and authority (RFC 9112, 3.2.2). */
import type { FastifyRequest } from "fastify";

export const targetOf = ({ raw }: Pick<FastifyRequest, "raw">): string => (raw.url ?? "").replace(/^https?:\/\/[^/?#]*/i, "");
