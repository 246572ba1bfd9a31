/** The body of a post to an inbound URL: read with a deadline and a limit, after its key was found to be right. */
import type { IncomingMessage } from "node:http";

export const BODY_LIMIT = 256 * 1024;
/** ABORTED: the client left. */
export type Body = Buffer | "TOO_LARGE" | "TOO_SLOW" | "ABORTED";

/** @param timeoutMs for the whole body, from now */
export function readBody(request: IncomingMessage, timeoutMs: number): Promise<Body> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => settle("TOO_SLOW"), timeoutMs);
    const settle = (body: Body) => {
      clearTimeout(timer);
      request.off("data", take);
      request.pause();
      resolve(body);
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) chunks.push(chunk);
      else settle("TOO_LARGE");
    };
    request.on("data", take);
    request.once("end", () => settle(Buffer.concat(chunks)));
    request.once("error", () => settle("ABORTED"));
    request.once("close", () => settle("ABORTED"));
  });
}
