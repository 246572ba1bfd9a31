/** Who is at the other end of a connection: a proxy that is believed, or the client; and the client's address behind proxies. */
import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";

/** @param trusted CIDRs. @returns whether an address is one of them; never for what is no address */
export function createIsProxy(trusted: readonly string[]): (address: string | undefined) => boolean {
  const proxies = new BlockList();
  for (const cidr of trusted) {
    const [address, bits] = cidr.split("/");
    proxies.addSubnet(address as string, Number(bits), isIPv6(address as string) ? "ipv6" : "ipv4");
  }
  // BlockList throws for what is no address, and anybody may write anything into X-Forwarded-For.
  return (address) => address !== undefined && isIP(address) !== 0 && proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** The client's address where Fastify does not tell it: on a WebSocket's upgrade. @param trusted CIDRs of proxies */
export function createAddressOf(trusted: readonly string[]): (request: IncomingMessage) => string | undefined {
  const isProxy = createIsProxy(trusted);
  return (request) => {
    const direct = request.socket.remoteAddress;
    if (direct === undefined || !isProxy(direct)) return direct;
    const forwarded = String(request.headers["x-forwarded-for"] ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "");
    return forwarded.findLast((address) => !isProxy(address)) ?? direct;
  };
}
