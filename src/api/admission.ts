/**
 * What a process works on at once is bounded, at every door: beyond it a call is answered 503 with Retry-After before its
 * body is read, so that memory stays flat whatever comes in. A call counts until its answer begins: streams that stay open
 * have bounds of their own (limits.ts).
 */
import type { FastifyInstance } from "fastify";
import type { Core } from "../core.ts";
import { OverloadedError } from "../errors.ts";
import { HTTP } from "./limits.ts";
import { problemOf } from "./problem.ts";
import { formOf, pathOf } from "./routing.ts";

/** A body whose length is not said in advance. */
const UNKNOWN_BYTES = 64 * 1024;
const RETRY_AFTER_S = 1;
/** Asked by whoever decides what to do about the load. */
const ALWAYS = new Set(["/healthz", "/readyz", "/metrics"]);

export function limitOpenCalls(app: FastifyInstance, core: Core): void {
  const { openCalls, openCallsMb } = core.config;
  let calls = 0;
  let bytes = 0;
  const leave = new WeakMap<object, () => void>();

  app.addHook("onRequest", (request, reply, done) => {
    const { raw } = request;
    const path = pathOf(request);
    if (ALWAYS.has(path)) return done();
    const length =
      raw.headers["content-length"] === undefined && raw.headers["transfer-encoding"] === undefined
        ? 0
        : lengthOf(raw.headers["content-length"]);
    // A lone call always fits, whatever its size.
    if (calls > 0 && (calls >= openCalls || bytes + length > openCallsMb * 2 ** 20)) {
      // Its body is not read.
      return void formOf(path)(reply.header("connection", "close"), problemOf(new OverloadedError(RETRY_AFTER_S), core.log));
    }
    calls += 1;
    bytes += length;
    const once = () => {
      if (!leave.delete(raw)) return;
      calls -= 1;
      bytes -= length;
    };
    leave.set(raw, once);
    reply.raw.once("close", once);
    return done();
  });
  app.addHook("onSend", ({ raw }, _reply, _payload, done) => {
    leave.get(raw)?.();
    done();
  });
}

const lengthOf = (header: string | undefined): number => {
  const length = Number(header);
  if (!Number.isSafeInteger(length) || length < 0) return UNKNOWN_BYTES;
  // What is beyond the bound of a body is never kept: it is answered 413.
  return length > HTTP.bodyBytes ? 0 : length;
};
