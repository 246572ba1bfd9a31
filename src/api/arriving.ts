/**
 * Request bodies as they arrive: bytes, which each route reads as its contract says. What of them may be in memory is
 * admission.ts' to say.
 */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { TooLargeError } from "../errors.ts";

/** Of an open call. */
export interface Arriving {
  /** An organization's id, or NOBODY. */
  owner: string;
  /** 1 once its body is counted. */
  calls: number;
  /** @returns why no more of it is taken */
  arrived(bytes: number): Error | undefined;
}

/** Whose caller is not known, or not before the body is read. */
export const NOBODY = "";

const open = new WeakMap<IncomingMessage, Arriving>();

export const expectBody = (request: IncomingMessage, body: Arriving): void => void open.set(request, body);

/** Its caller is known, before its body is read; who is asked for once more behind it changes nothing. */
export function ownedBy({ raw }: Pick<FastifyRequest, "raw">, organizationId: string): void {
  const call = open.get(raw);
  if (call?.calls === 0) call.owner = organizationId;
}

/** So many bytes more of a body are in memory. @returns why they must not stay: RateLimitedError, OverloadedError */
export const arrived = (request: IncomingMessage, bytes: number): Error | undefined => open.get(request)?.arrived(bytes);

/** Bodies are bytes, which each route reads as its contract says. */
export function takeBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", ({ raw, is404, routeOptions: { bodyLimit } }, payload, done) => {
    // Nothing is made of it.
    if (is404) return done(null);
    const tooLarge = () => new TooLargeError("the body is larger than this route takes");
    if (Number(raw.headers["content-length"]) > bodyLimit) return done(tooLarge());
    const chunks: Buffer[] = [];
    let length = 0;
    const end = (error: Error | null) => {
      payload.off("data", take).off("end", whole).off("error", end);
      if (error) done(error);
      // A copy: a chunk is a view of what its socket reads into.
      else done(null, Buffer.concat(chunks, length));
    };
    const whole = () => end(null);
    const take = (chunk: Buffer) => {
      length += chunk.length;
      const refused = length > bodyLimit ? tooLarge() : arrived(raw, chunk.length);
      if (refused) return end(refused);
      chunks.push(chunk);
    };
    // Also one of which nothing has come yet holds its place.
    const refused = arrived(raw, 0);
    if (refused) return done(refused);
    payload.on("data", take).on("end", whole).on("error", end);
  });
}
