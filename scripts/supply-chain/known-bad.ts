/** Versions that were published by somebody who had taken a package over, or that break on purpose. Pure. */
import { type Lock, packagesOf } from "./lock.ts";

/** By name; `*`: no version of it is anything but an imitation. */
const BAD: Readonly<Record<string, readonly string[]>> = {
  // 2018: a wallet thief in a dependency of event-stream.
  "event-stream": ["3.3.6"],
  "flatmap-stream": ["*"],
  // 2021: miners and password thieves.
  "ua-parser-js": ["0.7.29", "0.8.0", "1.0.0"],
  coa: ["2.0.3", "2.0.4", "2.1.1", "2.1.3", "3.0.1", "3.1.3"],
  rc: ["1.2.9", "1.3.9", "2.3.9"],
  // 2022: broken, or destructive, by their own authors.
  colors: ["1.4.1", "1.4.2", "1.4.44-liberty-2"],
  faker: ["6.6.6"],
  "node-ipc": ["9.2.2", "10.1.1", "10.1.2", "10.1.3", "11.0.0", "11.1.0"],
  peacenotwar: ["*"],
  // 2024.
  "@solana/web3.js": ["1.95.6", "1.95.7"],
  "@rspack/core": ["1.1.7"],
  "@rspack/cli": ["1.1.7"],
  // July 2025: eslint-config-prettier's maintainer, phished.
  "eslint-config-prettier": ["8.10.1", "9.1.1", "10.1.6", "10.1.7"],
  "eslint-plugin-prettier": ["4.2.2", "4.2.3"],
  synckit: ["0.11.9"],
  "@pkgr/core": ["0.2.8"],
  "napi-postinstall": ["0.3.1"],
  is: ["3.3.1", "5.0.0"],
  // August 2025: nx.
  nx: ["20.9.0", "20.10.0", "20.11.0", "20.12.0", "21.5.0", "21.6.0", "21.7.0", "21.8.0"],
  // September 2025: chalk, debug and their like.
  "ansi-regex": ["6.2.1"],
  "ansi-styles": ["6.2.2"],
  backslash: ["0.2.1"],
  chalk: ["5.6.1"],
  "chalk-template": ["1.1.1"],
  color: ["5.0.1"],
  "color-convert": ["3.1.1"],
  "color-name": ["2.0.1"],
  "color-string": ["2.1.1"],
  debug: ["4.4.2"],
  "error-ex": ["1.3.3"],
  "has-ansi": ["6.0.1"],
  "is-arrayish": ["0.3.3"],
  "simple-swizzle": ["0.2.3"],
  "slice-ansi": ["7.1.1"],
  "strip-ansi": ["7.1.1"],
  "supports-color": ["10.2.1"],
  "supports-hyperlinks": ["4.1.1"],
  "wrap-ansi": ["9.0.1"],
  "@ctrl/tinycolor": ["4.1.1", "4.1.2"],
};

/** Names that only wait for somebody to mistype another one. */
const IMITATIONS = ["crossenv", "cross-env.js", "mongose", "expres", "loadsh", "nodmailer", "pgboss", "graphq-yoga", "fastfy"];

export function knownBad(lock: Lock): string[] {
  return packagesOf(lock).flatMap(({ name, path, entry: { version } }) => {
    if (IMITATIONS.includes(name)) return [`${path}: is the imitation of another package`];
    const versions = BAD[name] ?? [];
    return versions.includes("*") || versions.includes(version) ? [`${path}: ${version} is known to be bad`] : [];
  });
}
