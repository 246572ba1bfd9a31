/** Calls to the OpenID provider: through the guard and the transport of every other outgoing call, with an allow list of their own. */
import type { Core } from "../../core.ts";
import { createEgress } from "../../delivery/egress.ts";
import { createTransport } from "../../delivery/transport.ts";
import { UnavailableError } from "../../errors.ts";

/** As openid-client makes its calls. */
export interface FetchOptions {
  method: string;
  headers: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

export interface GuardedFetch {
  /** @throws ProviderUnreachableError when no whole answer came */
  fetch(url: string, options: FetchOptions): Promise<Response>;
  close(): Promise<void>;
}

/** For the operator's log; a browser is told only that the provider cannot be reached. */
export class ProviderUnreachableError extends UnavailableError {
  constructor(detail: string) {
    super(undefined, "the sign-in provider cannot be reached; try again shortly");
    this.name = "ProviderUnreachableError";
    this.detail = detail;
  }
  readonly detail: string;
}

const TIMEOUT_MS = 10_000;

export function createGuardedFetch(core: Core, allow: readonly string[]): GuardedFetch {
  const egress = createEgress({
    allow,
    refused: ({ host, address, cidr }) =>
      core.log.warn(
        { code: "EGRESS_BLOCKED", host, address, allow: cidr },
        `a call to the sign-in provider was refused: ${host} leads to ${address}; if it may be called, add ${cidr} to HOOKLINE_OIDC_EGRESS_ALLOW`,
      ),
  });
  const transport = createTransport({ egress, clock: core.clock });
  return {
    async fetch(url, { method, headers, body, signal }) {
      const { answer } = await transport.send({
        ...{ url, method, headers, timeoutMs: TIMEOUT_MS },
        body: body == null ? Buffer.alloc(0) : Buffer.from(body instanceof Uint8Array ? body : String(body)),
        ...(signal ? { signal } : {}),
      });
      if (answer.kind === "NO_REPLY")
        throw new ProviderUnreachableError(
          `${answer.errorCode}: ${answer.message.replace("HOOKLINE_EGRESS_ALLOW", "HOOKLINE_OIDC_EGRESS_ALLOW")}`,
        );
      if (answer.truncated) throw new ProviderUnreachableError("the answer broke off, or is larger than 64 KiB");
      const list = Object.entries(answer.headers).flatMap(([name, value]) => [value].flat().map((each): [string, string] => [name, each]));
      return new Response(answer.body === "" ? null : answer.body, { status: answer.status, headers: list });
    },
    close: () => transport.close(),
  };
}
