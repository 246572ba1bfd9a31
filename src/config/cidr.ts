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
      }
      return cidr ?? "";
    }),
);
