/**
 * What proxies say of the client (X-Forwarded-For, -Proto, -Host), put in order where a request comes in: from a proxy that
 * HOOKLINE_TRUSTED_PROXIES names each header is what the outermost hop said, in one spelling; from anybody else -Proto and -Host
 * are taken away. So whoever reads them afterwards may take them as they stand.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import type { Core } from "../core.ts";
import { createIsProxy } from "./address.ts";

/** `https, http` came through two proxies: the first is what the client spoke. */
const first = (value: string | string[] | undefined): string =>
  String(value ?? "")
    .split(",", 1)[0]
    ?.trim() ?? "";

/** Some proxies write the port with the address: `192.0.2.7:4711`, `[2001:db8::7]:4711`. */
function withoutPort(text: string): string {
  if (text.startsWith("[")) return text.slice(1, Math.max(1, text.indexOf("]")));
  const colon = text.indexOf(":");
  return colon >= 0 && colon === text.lastIndexOf(":") ? text.slice(0, colon) : text;
}

/**
 * Addresses from the client to the last proxy. What stands left of a word that is no address (`unknown`) was written by whoever
 * came before it, and counts for nothing.
 */
export function forwardedFor(header: string): string {
  const hops = header.split(",").map((hop) => withoutPort(hop.trim()));
  return hops.slice(hops.findLastIndex((hop) => isIP(hop) === 0) + 1).join(", ");
}

export type Settle = (request: Pick<IncomingMessage, "headers" | "socket">) => void;

export function createForwarded({ config, log }: Pick<Core, "config" | "log">): Settle {
  const isProxy = createIsProxy(config.trustedProxies);
  let told = false;

  function disbelieve(headers: IncomingMessage["headers"], address: string | undefined): void {
    delete headers["x-forwarded-proto"];
    delete headers["x-forwarded-host"];
    // Anybody may send these headers: one line, for the operator whose proxy it is.
    if (told) return;
    told = true;
    log.warn({ address }, "X-Forwarded headers came from an address that HOOKLINE_TRUSTED_PROXIES does not name: they are not believed");
  }

  return ({ headers, socket }) => {
    const { "x-forwarded-for": chain, "x-forwarded-proto": proto, "x-forwarded-host": host } = headers;
    if (chain === undefined && proto === undefined && host === undefined) return;
    if (!isProxy(socket.remoteAddress)) return disbelieve(headers, socket.remoteAddress);
    if (chain !== undefined) headers["x-forwarded-for"] = forwardedFor(String(chain));
    if (proto !== undefined) headers["x-forwarded-proto"] = first(proto).toLowerCase();
    if (host !== undefined) headers["x-forwarded-host"] = first(host);
  };
}
