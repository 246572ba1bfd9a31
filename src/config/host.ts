/** What a variable may name as a host. */
import { isIP } from "node:net";

/** Underscores and the letters of every script stand in names that resolve; nothing that a URL or a list is made of does. */
const NAME = /^(?:[\p{L}\p{M}\p{N}_-]+\.)*[\p{L}\p{M}\p{N}_-]+\.?$/u;

/** A name that may resolve, or an IP address without brackets. The URL standard refuses `999.1.1.1`, which is neither. */
export const isHost = (text: string): boolean =>
  isIP(text) !== 0 || (text.length <= 253 && NAME.test(text) && URL.canParse(`http://${text}`));

/** Of `URL.hostname`, which has brackets around an IPv6 address. */
export const withoutBrackets = (hostname: string): string => hostname.replace(/^\[(.+)\]$/, "$1");
