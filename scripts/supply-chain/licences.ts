/** Licences that we may hand on with what we are. Pure. */
import { type Lock, packagesOf } from "./lock.ts";

const ALLOWED = new Set([
  ...["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "PSF-2.0", "Unlicense"],
  // Weak copyleft of files that we use as they are: fonts, and packages whose own files we do not change.
  ...["MPL-2.0", "OFL-1.1"],
]);

/** Those with another licence, and why that is all right. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  elkjs: "EPL-2.0: a part of prisma's studio, which we never start; unchanged",
};

/** An SPDX expression, brackets at most around the whole: OR chooses, AND asks for all. */
export function isAllowed(expression: string): boolean {
  const bare = expression.replace(/^\((.*)\)$/, "$1");
  const each = (one: string) => one.split(/ and /i).every((id) => ALLOWED.has(id.trim()));
  return bare.split(/ or /i).some(each);
}

export function licenceIssues(lock: Lock): string[] {
  const packages = packagesOf(lock);
  return [
    ...packages.flatMap(({ name, entry: { license = "none" } }) =>
      isAllowed(license) || EXCEPTIONS[name] ? [] : [`${name}: the licence ${license} is not one that we may hand on`],
    ),
    ...Object.keys(EXCEPTIONS)
      .filter((name) => !packages.some((one) => one.name === name && !isAllowed(one.entry.license ?? "none")))
      .map((name) => `${name}: is an exception that is not needed any more`),
  ];
}

/** Names by licence, the most frequent first. */
export function licencesOf(lock: Lock): [licence: string, names: string[]][] {
  const found = Map.groupBy(packagesOf(lock), ({ entry }) => entry.license ?? "none");
  return [...found]
    .map(([licence, packages]): [string, string[]] => [licence, [...new Set(packages.map(({ name }) => name))].sort()])
    .sort((a, b) => b[1].length - a[1].length);
}
