/** What we are made of is used, pinned, licensed, known and listed; and each of these rules can fail. */
import { beforeAll, describe, expect, test } from "vitest";
import { knownBad } from "../scripts/supply-chain/known-bad.ts";
import { isAllowed, licenceIssues } from "../scripts/supply-chain/licences.ts";
import { type Lock, type LockedPackage, type Manifest, packagesOf, pinIssues, scriptIssues } from "../scripts/supply-chain/lock.ts";
import { type Bom, bomIssues } from "../scripts/supply-chain/sbom.ts";
import { readSources, unusedDependencies } from "../scripts/supply-chain/usage.ts";
import { readBom, readPackages } from "../scripts/supply-chain.ts";

const ROOT = `${import.meta.dirname}/..`;
let manifest: Manifest;
let lock: Lock;
beforeAll(async () => {
  ({ manifest, lock } = await readPackages(ROOT));
});

/** The lock file with one package more. */
const withPackage = (name: string, entry: Partial<LockedPackage>): Lock => ({
  packages: {
    ...lock.packages,
    [`node_modules/${name}`]: { version: "1.0.0", license: "MIT", integrity: `sha512-${"A".repeat(86)}==`, ...entry },
  },
});

test("every dependency is used", async () => {
  const sources = await readSources(ROOT);
  expect(unusedDependencies(manifest, sources)).toEqual([]);
  // Not written out: this file is looked through too.
  const unused = ["left", "pad"].join("-");
  const more = { ...manifest, dependencies: { ...manifest.dependencies, [unused]: "1.3.0" } };
  expect(unusedDependencies(more, sources)).toEqual([unused]);
});

test("every dependency is pinned, and every package has its integrity", () => {
  expect(packagesOf(lock).length).toBeGreaterThan(300);
  expect(pinIssues(manifest, lock)).toEqual([]);
  expect(pinIssues({ ...manifest, dependencies: { ...manifest.dependencies, pg: "^8.23.1" } }, lock)).toEqual([
    "pg: ^8.23.1 is no exact version",
  ]);
  expect(pinIssues({ ...manifest, dependencies: { ...manifest.dependencies, pg: "1.0.0" } }, lock)).toHaveLength(1);
  expect(pinIssues(manifest, withPackage("a", { integrity: "sha1-x" }))).toEqual(["node_modules/a: has no SHA-512 integrity"]);
  expect(pinIssues(manifest, withPackage("a", { resolved: "https://elsewhere.example/a.tgz" }))).toHaveLength(1);
});

test("every install script is listed", () => {
  expect(scriptIssues(manifest, lock)).toEqual([]);
  expect(scriptIssues(manifest, withPackage("a", { hasInstallScript: true }))).toEqual([
    "a: has an install script that allowScripts does not name",
  ]);
  expect(scriptIssues({ ...manifest, allowScripts: { ...manifest.allowScripts, b: true } }, lock)).toHaveLength(1);
});

test("every licence is one that we may hand on", () => {
  expect(licenceIssues(lock)).toEqual([]);
  for (const license of ["GPL-3.0-only", "AGPL-3.0", "SSPL-1.0", "UNLICENSED", "MIT AND GPL-2.0"])
    expect(licenceIssues(withPackage("a", { license })), license).toHaveLength(1);
  expect(["(MIT OR GPL-3.0)", "MIT OR Apache-2.0", "MIT AND ISC"].map(isAllowed)).toEqual([true, true, true]);
});

test("no version is known to be bad", () => {
  expect(knownBad(lock)).toEqual([]);
  expect(knownBad(withPackage("debug", { version: "4.4.2" }))).toEqual(["node_modules/debug: 4.4.2 is known to be bad"]);
  expect(knownBad(withPackage("a/node_modules/chalk", { version: "5.6.1" }))).toHaveLength(1);
  expect(knownBad(withPackage("flatmap-stream", {}))).toHaveLength(1);
});

describe("the bill of materials", () => {
  let bom: Bom;
  beforeAll(async () => {
    bom = JSON.parse(await readBom(ROOT));
  }, 60_000);

  test("is CycloneDX and names all that is locked", () => {
    expect(bomIssues(bom, lock)).toEqual([]);
    expect(bom.components?.length).toBeGreaterThan(300);
  });

  test("is refused when it is another format, lacks a package, or says too little of one", () => {
    expect(bomIssues({ ...bom, bomFormat: "SPDX" }, lock)).toHaveLength(1);
    expect(bomIssues(bom, withPackage("a", {}))).toEqual(["a@1.0.0 is locked, and not in the bill of materials"]);
    const [first, ...rest] = bom.components ?? [];
    expect(bomIssues({ ...bom, components: [{ ...first, hashes: [], licenses: [] }, ...rest] }, lock)).toHaveLength(2);
  });
});
