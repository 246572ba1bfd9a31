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
  answered(): void;
}

/** Whose caller is not known, or not before the body is read. */
export const NOBODY = "";

const CALL = Symbol("call");
/** On the request itself: the collector pays more for a WeakMap that gets thousands of entries a second than for the requests. */
type Counted = IncomingMessage & { [CALL]?: Arriving };

export function expectBody(request: IncomingMessage, body: Arriving): void {
  (request as Counted)[CALL] = body;
}

/** Its caller is known, before its body is read; who is asked for once more behind it changes nothing. */
export function ownedBy({ raw }: Pick<FastifyRequest, "raw">, organizationId: string): void {
  const call = (raw as Counted)[CALL];
  if (call?.calls === 0) call.owner = organizationId;
}

/** So many bytes more of a body are in memory. @returns why they must not stay: RateLimitedError, OverloadedError */
export const arrived = (request: IncomingMessage, bytes: number): Error | undefined => (request as Counted)[CALL]?.arrived(bytes);

/** A call that has no body, of somebody who is known. @returns why it must not go on: RateLimitedError, OverloadedError */
export function counted(request: IncomingMessage): Error | undefined {
  const call = (request as Counted)[CALL];
  return call?.calls === 0 && call.owner !== NOBODY ? call.arrived(0) : undefined;
}

/** Its answer begins, or it is gone. */
export const answered = (request: IncomingMessage): void => (request as Counted)[CALL]?.answered();

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
