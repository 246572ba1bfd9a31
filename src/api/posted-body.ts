/** The body of a post to an inbound URL: read with a deadline and a limit, after its key was found to be right. */
import type { FastifyRequest } from "fastify";
import { arrived, ownedBy } from "./arriving.ts";

export const BODY_LIMIT = 256 * 1024;
/** ABORTED: the client left. */
export type Body = Buffer | "TOO_LARGE" | "TOO_SLOW" | "ABORTED";

/**
 * @param organizationId whose post it is
 * @param timeoutMs for the whole body, from now
 * @throws RateLimitedError OverloadedError as much as may wait waits
 */
export function readBody({ raw: request }: Pick<FastifyRequest, "raw">, organizationId: string, timeoutMs: number): Promise<Body> {
  ownedBy({ raw: request }, organizationId);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => settle("TOO_SLOW"), timeoutMs);
    const settle = (body: Body | Error) => {
      clearTimeout(timer);
      request.off("data", take);
      request.pause();
      if (body instanceof Error) reject(body);
      else resolve(body);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      const refused = size > BODY_LIMIT ? "TOO_LARGE" : arrived(request, chunk.length);
      if (refused) settle(refused);
      else chunks.push(chunk);
    };
    request.on("data", take);
    request.once("end", () => settle(Buffer.concat(chunks)));
    request.once("error", () => settle("ABORTED"));
    request.once("close", () => settle("ABORTED"));
  });
}
