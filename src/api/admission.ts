/**
 * What a process works on at once is bounded, at every door: beyond it a call is answered 503 with Retry-After, so that memory
 * stays flat whatever comes in. A call counts until its answer begins: streams that stay open have bounds of their own (limits.ts).
 * A body counts as it arrives, whatever its head announces. Who is nobody, or not known before the body is read, has a quarter
 * together with all others like that; one organization half, while others send too. What it had alone before is no reason to refuse
 * the others: a quarter more is for them.
 */
import type { FastifyInstance } from "fastify";
import type { Core } from "../core.ts";
import { OverloadedError, RateLimitedError } from "../errors.ts";
import { type Arriving, answered, counted, expectBody, NOBODY } from "./arriving.ts";
import { problemOf } from "./problem.ts";
import { formOf, pathOf } from "./routing.ts";

const RETRY_AFTER_S = 1;
/** Asked by whoever decides what to do about the load. */
const ALWAYS = new Set(["/healthz", "/readyz", "/metrics"]);
const PART_OF_NOBODY = 1 / 4;
const PART_OF_ONE = 1 / 2;
/** Who holds no more holds little. */
const PART_OF_LITTLE = 1 / 4;
/** With what is there beyond it, for those who hold little: whose a call is nobody knows when it begins. */
const WITH_BEYOND = 5 / 4;

interface Sum {
  /** With a body that is being read, or was; of somebody who is known, without one, too. */
  calls: number;
  bytes: number;
}

const NOTHING: Readonly<Sum> = { calls: 0, bytes: 0 };

type Call = Arriving & Sum;

export function limitOpenCalls(app: FastifyInstance, core: Core): void {
  const most: Sum = { calls: core.config.openCalls, bytes: core.config.openCallsMb * 2 ** 20 };
  const all: Sum = { calls: 0, bytes: 0 };
  /** With a body or without. */
  let open = 0;
  const owners = new Map<string, Sum>();

  function count(call: Call, calls: number, bytes: number): void {
    const sum = owners.get(call.owner) ?? { calls: 0, bytes: 0 };
    for (const each of [call, sum, all]) {
      each.calls += calls;
      each.bytes += bytes;
    }
    if (sum.calls > 0) owners.set(call.owner, sum);
    else owners.delete(call.owner);
  }

  /** A lone call always fits, whatever its size. @param begins its body: a call that goes on is not one more */
  function refusal({ owner, bytes }: Call, begins: boolean): Error | undefined {
    const own = owners.get(owner) ?? NOTHING;
    const isBeyond = (sum: Sum, part: number) => sum.bytes > bytes && sum.bytes > most.bytes * part;
    // Beside others: alone it has all there is.
    if (owner !== NOBODY && all.bytes > own.bytes && isBeyond(own, PART_OF_ONE)) return new RateLimitedError(RETRY_AFTER_S);
    if (owner !== NOBODY && begins && own.calls > Math.max(1, most.calls * PART_OF_ONE)) {
      if (all.calls > own.calls) return new RateLimitedError(RETRY_AFTER_S);
      if (open > most.calls) return new OverloadedError(RETRY_AFTER_S);
    }
    const tooMany = owner === NOBODY && (isBeyond(own, PART_OF_NOBODY) || own.calls > Math.max(1, most.calls * PART_OF_NOBODY));
    return tooMany || isBeyond(all, isBeyond(own, PART_OF_LITTLE) ? 1 : WITH_BEYOND) ? new OverloadedError(RETRY_AFTER_S) : undefined;
  }

  app.addHook("onRequest", (request, reply, done) => {
    const { raw } = request;
    const path = pathOf(request);
    if (ALWAYS.has(path)) return done();
    if (open > 0 && (open >= most.calls * WITH_BEYOND || all.bytes >= most.bytes * WITH_BEYOND)) {
      // Its body is not read.
      return void formOf(path)(reply.header("connection", "close"), problemOf(new OverloadedError(RETRY_AFTER_S), core.log));
    }
    let isOpen = true;
    const call: Call = {
      ...{ owner: NOBODY, calls: 0, bytes: 0 },
      arrived(bytes) {
        // Its answer has begun: nothing of it is kept.
        if (!isOpen) return undefined;
        const begins = call.calls === 0;
        count(call, begins ? 1 : 0, bytes);
        return refusal(call, begins);
      },
      answered() {
        if (!isOpen) return;
        isOpen = false;
        open -= 1;
        if (call.calls > 0) count(call, -1, -call.bytes);
      },
    };
    open += 1;
    expectBody(raw, call);
    reply.raw.once("close", call.answered);
    return done();
  });
  // One without a body is its owner's, too, where he is known by now.
  app.addHook("preValidation", ({ raw }, _reply, done) => done(counted(raw)));
  app.addHook("onSend", ({ raw }, _reply, _payload, done) => {
    answered(raw);
    done();
  });
}
