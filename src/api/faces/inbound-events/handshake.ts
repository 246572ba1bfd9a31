/** CloudEvents' web hooks: before it posts, a sender asks whether it may, and at what rate. */
import type { FastifyReply, FastifyRequest } from "fastify";

/** A host name, or whatever the sender calls itself: shown back as it came. */
const ORIGIN = /^[\x21-\x7e]{1,255}$/;

const originOf = ({ headers }: FastifyRequest): string | undefined => {
  const origin = headers["webhook-request-origin"];
  return typeof origin === "string" && ORIGIN.test(origin) ? origin : undefined;
};

export const asksForHandshake = (request: FastifyRequest): boolean => originOf(request) !== undefined;

/** Whoever has the right key may; a rate is granted in posts a minute when one was asked for. */
export function answerHandshake(request: FastifyRequest, reply: FastifyReply, limit: { count: number; seconds: number }): FastifyReply {
  const most = Math.max(1, Math.floor((limit.count * 60) / limit.seconds));
  const asked = request.headers["webhook-request-rate"];
  reply.headers({ allow: "POST, OPTIONS", "webhook-allowed-origin": originOf(request) as string });
  if (asked !== undefined) {
    const wanted = typeof asked === "string" && /^\d{1,9}$/.test(asked) ? Math.max(1, Number(asked)) : most;
    reply.header("webhook-allowed-rate", Math.min(wanted, most));
  }
  return reply.code(200).send();
}
