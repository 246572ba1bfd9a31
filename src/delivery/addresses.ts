/** Which IP addresses an outgoing call may reach: public ones, and those the operator allows. Pure. */
import { BlockList, isIP } from "node:net";

export interface AddressRule {
  /** Inside HOOKLINE_EGRESS_ALLOW. An address of NAT64 (64:ff9b::/96) is judged as the IPv4 address that it leads to. */
  allowed(address: string): boolean;
  /** Public or allowed. Anything that is no IP address is neither. */
  reachable(address: string): boolean;
  /** Whether anything is allowed at all besides public addresses. */
  readonly empty: boolean;
}

/** The IANA IPv4 special-purpose registry, multicast, and 168.63.129.16 (Azure's host agent, on a public-looking address). */
const IPV4_SPECIAL = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "168.63.129.16/32",
];

/** What may be reached over IPv6. A list of what may not would miss mapped, compatible, NAT64, ULA, link-local and whatever comes next. */
const IPV6_GLOBAL = ["2000::/3"];
/** Teredo and other IETF protocol ranges, documentation, 6to4 (carries an IPv4 address), AS112, documentation again. */
const IPV6_SPECIAL = ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"];

const special = blockList([...IPV4_SPECIAL, ...IPV6_SPECIAL]);
const global6 = blockList(IPV6_GLOBAL);

/** @param allow CIDRs; config.ts has checked their form */
export function addressRule(allow: readonly string[]): AddressRule {
  const list = blockList(allow);
  const allowed = (address: string) => inList(list, address) || inList(list, leadsTo(address));
  return {
    allowed,
    reachable(given) {
      if (isIP(given) === 0) return false;
      if (allowed(given)) return true;
      const address = leadsTo(given);
      const family = isIP(address);
      return !inList(special, address) && (family === 4 || inList(global6, address));
    },
    empty: allow.length === 0,
  };
}

/** 64:ff9b::/96 (RFC 6052): how a host without IPv4 reaches one, through its network's translator. */
const nat64 = blockList(["64:ff9b::/96"]);

/** The IPv4 address inside one of NAT64's; any other as it is. */
export function leadsTo(given: string): string {
  const address = given.split("%", 1)[0] as string;
  if (isIP(address) !== 6 || !inList(nat64, address)) return given;
  // The canonical form ends in two groups, or in one or none where the rest is zero.
  const dotted = /:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (dotted !== undefined) return dotted;
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::").at(-1)?.split(":") ?? [];
  const [high = "0", low = "0"] = groups.length > 1 ? groups.slice(-2) : ["0", groups[0] || "0"];
  const bits = (Number.parseInt(high, 16) << 16) | Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join(".");
}

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", bits = ""] = cidr.split("/");
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? "ipv6" : "ipv4");
  }
  return list;
}

function inList(list: BlockList, address: string): boolean {
  // getaddrinfo may answer with a zone (fe80::1%eth0), which BlockList does not take.
  const bare = address.split("%", 1)[0] as string;
  const family = isIP(bare);
  return family !== 0 && list.check(bare, family === 6 ? "ipv6" : "ipv4");
}
