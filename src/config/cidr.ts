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

/** Of a text that `normalCidr` gave: itself, unless it names an address behind its prefix: `10.1.2.3/8` stands for 10.0.0.0/8. */
function network(cidr: string): string {
  const [address = "", prefix] = cidr.split("/");
  const v4 = isIP(address) === 4;
  const bits = bitsOf(address);
  const free = (v4 ? 32n : 128n) - BigInt(prefix as string);
  const masked = (bits >> free) << free;
  if (masked === bits) return cidr;
  const [count, size, radix] = v4 ? [4, 8n, 10] : [8, 16n, 16];
  const parts = Array.from({ length: count }, (_, i) =>
    BigInt.asUintN(Number(size), masked >> (size * BigInt(count - 1 - i))).toString(radix),
  );
  return `${v4 ? parts.join(".") : new URL(`http://[${parts.join(":")}]`).hostname.slice(1, -1)}/${prefix}`;
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

const partsOf = (text: string) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

export const cidrs = z.string().transform((text, ctx) =>
  partsOf(text).map((part) => {
    const cidr = normalCidr(part);
    if (cidr === undefined) {
      ctx.addIssue({
        code: "custom",
        message: `"${part.slice(0, 60)}" is no CIDR: write such as 10.0.0.0/8 or fd00::/8, joined by commas`,
      });
    }
    return cidr === undefined ? "" : network(cidr);
  }),
);

/** Those of `text` whose address is not their network's own: more is opened than may have been meant. */
export function widerThanWritten(text: string): { written: string; network: string }[] {
  return partsOf(text).flatMap((written) => {
    const cidr = normalCidr(written);
    return cidr === undefined || network(cidr) === cidr ? [] : [{ written, network: network(cidr) }];
  });
}
