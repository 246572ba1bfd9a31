/** What a change took away (hidden values, after a change of origin) is told in a header: the products' own forms have no room. */
import type { FastifyReply } from "fastify";

/** RFC 9111 gave the field up for caches; 299 is its code for whatever else a person should read. */
export function warn(reply: FastifyReply, { warning }: { warning: string | null }): void {
  if (warning !== null) reply.header("warning", `299 - "${warning.replace(/[^\x20-\x7e]|["\\]/g, "?")}"`);
}
