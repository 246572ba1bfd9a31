/** What holds for every reply: its size, how long its reader may take, and what becomes of a body nobody wanted. */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import { TooLargeError } from "../errors.ts";
import { HTTP } from "./limits.ts";

/** Hooks of a whole server, before any route. @param secure whether its public URL is https */
export function guardReplies(app: FastifyInstance, secure: boolean): void {
  app.addHook("onRequest", (_request, reply, done) => {
    reply.header("x-content-type-options", "nosniff");
    // For a year; the operator's other names are the operator's business.
    if (secure) reply.header("strict-transport-security", "max-age=31536000");
    done();
  });
  app.addHook("onSend", ({ raw }, reply, payload: unknown, done) => {
    // From the first byte of a reply on, its reader has to take some of it now and then; an injected request has no reader.
    if ("setTimeout" in raw.socket) raw.socket.setTimeout(HTTP.writeMs);
    if (lengthOf(payload) > HTTP.answerBytes)
      return done(new TooLargeError(`the answer would be larger than ${HTTP.answerBytes / 2 ** 20} MiB; ask for less of it`));
    if (raw.complete || reply.statusCode < 400 || reply.statusCode === 408) return done(null, payload);
    // A client that still writes when the socket closes sees a broken pipe instead of the answer.
    reply.removeHeader("connection");
    const dropped = dropRest(raw);
    // Who asked for the connection to be closed after the answer has it closed at once: not before the body is in.
    if (reply.raw.shouldKeepAlive) return done(null, payload);
    return void dropped.then(() => done(null, payload));
  });
}

/** The answer depends on this header of the request, too: caches must know. */
export function varies(reply: FastifyReply, header: string): void {
  const known = reply.getHeader("vary");
  reply.header("vary", known === undefined ? header : `${String(known)}, ${header}`);
}

function lengthOf(payload: unknown): number {
  if (typeof payload === "string") return payload.length * 3 > HTTP.answerBytes ? Buffer.byteLength(payload) : payload.length;
  return Buffer.isBuffer(payload) ? payload.length : 0;
}

/**
 * Reads what is still coming and forgets it, until its end or for a bounded time; then the connection goes.
 * @returns when there is no more of it
 */
function dropRest(request: IncomingMessage): Promise<void> {
  let left: number = HTTP.dropBytes;
  const cut = () => request.socket.destroy();
  const timer = setTimeout(cut, HTTP.dropMs);
  const over = Promise.withResolvers<void>();
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) cut();
  });
  const end = () => {
    clearTimeout(timer);
    over.resolve();
  };
  for (const event of ["end", "close", "error"]) request.once(event, end);
  request.resume();
  return over.promise;
}
