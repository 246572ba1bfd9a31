/** The Host of a request. */
import type { IncomingMessage } from "node:http";

/** RFC 9110: none or several are refused, but HTTP/1.0 knew no Host. */
export function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === "host").length;
  return hosts === 1 || (hosts === 0 && httpVersion === "1.0");
}
