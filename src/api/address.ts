/** The client's address where Fastify does not tell it: on a WebSocket's upgrade. */
import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv6 } from "node:net";

/** @param trusted CIDRs of proxies whose X-Forwarded-For is believed */
export function createAddressOf(trusted: readonly string[]): (request: IncomingMessage) => string | undefined {
  const proxies = new BlockList();
  for (const cidr of trusted) {
    const [address, bits] = cidr.split("/");
    proxies.addSubnet(address as string, Number(bits), isIPv6(address as string) ? "ipv6" : "ipv4");
  }
  // BlockList throws for what is no address, and anybody may write anything into X-Forwarded-For.
  const isProxy = (address: string) => isIP(address) !== 0 && proxies.check(address, isIPv6(address) ? "ipv6" : "ipv4");
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
