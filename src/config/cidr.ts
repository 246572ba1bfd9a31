/** CIDRs in a variable, joined by commas; an address alone is itself. */
import { isIP } from "node:net";
import { z } from "zod";

/** Undefined when it is none: an address that exists, and a prefix that fits its family. */
export function normalCidr(text: string): string | undefined {
  const [address = "", prefix, ...rest] = text.split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || address.includes("%")) return undefined;
  const longest = family === 4 ? 32 : 128;
  if (prefix === undefined) return `${address}/${longest}`;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= longest ? text : undefined;
}

/** Of a text that `normalCidr` gave. `10.1.2.3/8` would open all of 10.0.0.0/8 where one address may have been meant. */
function hasHostBits(cidr: string): boolean {
  const [address = "", prefix] = cidr.split("/");
  const host = (isIP(address) === 4 ? 32n : 128n) - BigInt(prefix as string);
  return (bitsOf(address) & ((1n << host) - 1n)) !== 0n;
}

function bitsOf(address: string): bigint {
  if (isIP(address) === 4) return address.split(".").reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
  // The URL standard writes eight groups of hexadecimal digits, the longest run of zeros as `::`.
  const [head = "", tail = ""] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const [before, after] = [head.split(":"), tail.split(":")].map((groups) => groups.filter((group) => group !== "")) as [
    string[],
    string[],
  ];
  const zeros: string[] = Array(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

export const cidrs = z.string().transform((text, ctx) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const cidr = normalCidr(part);
      if (cidr === undefined) {
        ctx.addIssue({
          code: "custom",
          message: `"${part.slice(0, 60)}" is no CIDR: write such as 10.0.0.0/8 or fd00::/8, joined by commas`,
        });
      } else if (hasHostBits(cidr)) {
        ctx.addIssue({
          code: "custom",
          message: `"${part.slice(0, 60)}" names an address behind its prefix: write the network's own, such as 10.0.0.0/8, or the address without /`,
        });
      }
      return cidr ?? "";
    }),
);
