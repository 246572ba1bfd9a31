/** A transport that trusts the test CA, and receivers for it; `closeAll` after each test. */
import { systemClock } from "../../src/clock.ts";
import type { Call, Sent } from "../../src/delivery/call.ts";
import { createEgress, type Resolver } from "../../src/delivery/egress.ts";
import { createTransport, type Transport } from "../../src/delivery/transport.ts";
import type { NoReply } from "../../src/wire/dialect.ts";
import { type Hostile, type HostileMode, startHostile } from "../helpers/hostile.ts";
import { type Receiver, startReceiver, testCa } from "../helpers/receiver.ts";

const LOOPBACK = ["127.0.0.0/8", "::1/128"];
const cleanups: (() => Promise<void>)[] = [];

/** For afterEach: closes what the functions below started, the last first. */
export async function closeAll(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

type Options = Partial<Parameters<typeof createTransport>[0]> & { allow?: string[]; resolver?: Resolver };

export function transport({ allow = LOOPBACK, resolver, ...options }: Options = {}): Transport {
  const made = createTransport({
    egress: createEgress({ allow, ...(resolver ? { resolver } : {}) }),
    clock: systemClock,
    trust: [testCa],
    ...options,
  });
  cleanups.push(() => made.close());
  return made;
}

export async function receiver(options?: Parameters<typeof startReceiver>[0]): Promise<Receiver> {
  const made = await startReceiver(options);
  cleanups.push(() => made.close());
  return made;
}

export async function hostile(mode: HostileMode): Promise<Hostile> {
  const made = await startHostile(mode);
  cleanups.push(() => made.close());
  return made;
}

export const call = (url: string, more: Partial<Call> = {}): Call => ({
  url,
  headers: { "content-type": "application/json", "webhook-id": "msg_1" },
  body: Buffer.from('{"n":1}'),
  timeoutMs: 5_000,
  ...more,
});

const failureOf = ({ outcome, errorCode }: NoReply) => `${outcome} ${errorCode}`;

/** `REPLY 200 then REFUSED CONNECTION_RESET`: the head was whole, and what followed was not. */
export const codeOf = ({ answer }: Sent) =>
  answer.kind === "NO_REPLY" ? failureOf(answer) : `REPLY ${answer.status}${answer.fault ? ` then ${failureOf(answer.fault)}` : ""}`;
