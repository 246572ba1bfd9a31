/** HOOKLINE_DELIVERY=off: nothing leaves this process, not by the test button either. */
import { noReply } from "./failure.ts";
import type { Transport } from "./transport.ts";

/** The same transport, whose every call is refused before anything is sent. */
export function sendsNothing(transport: Transport): Transport {
  const answer = noReply("BLOCKED", "EGRESS_BLOCKED", "nothing was sent: this server runs with HOOKLINE_DELIVERY=off");
  return {
    get origins() {
      return transport.origins;
    },
    close: () => transport.close(),
    send: async () => ({ answer, durationMs: 0 }),
  };
}
