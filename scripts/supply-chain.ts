/**
 * What we are made of, and whether that is as it should be: every dependency used, pinned and with its integrity, under a licence
 * that we may hand on, no install script that nobody looked at, no version known to be bad, a bill of materials that is whole.
 *
 *   node scripts/supply-chain.ts               says what is wrong, and exits 1
 *   node scripts/supply-chain.ts --sbom FILE   writes the bill of materials (CycloneDX) too
 *   node scripts/supply-chain.ts --licences    lists the licences
 *
 * It asks no network: package.json, package-lock.json and `npm sbom` say it all.
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { knownBad } from "./supply-chain/known-bad.ts";
import { licenceIssues, licencesOf } from "./supply-chain/licences.ts";
import { type Lock, type Manifest, pinIssues, scriptIssues } from "./supply-chain/lock.ts";
import { bomIssues } from "./supply-chain/sbom.ts";
import { readSources, unusedDependencies } from "./supply-chain/usage.ts";

const ROOT = path.resolve(import.meta.dirname, "..");

export async function readPackages(root = ROOT): Promise<{ manifest: Manifest; lock: Lock }> {
  const [manifest, lock] = await Promise.all(
    ["package.json", "package-lock.json"].map(async (file) => JSON.parse(await readFile(path.join(root, file), "utf8"))),
  );
  return { manifest, lock };
}

/** @returns JSON text; from the lock file, so that it is the same on every machine */
export async function readBom(root = ROOT): Promise<string> {
  const asked = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"];
  const { stdout } = await promisify(execFile)("npm", asked, { cwd: root, maxBuffer: 64 * 2 ** 20 });
  return stdout;
}

export async function supplyChainIssues(root = ROOT): Promise<string[]> {
  const { manifest, lock } = await readPackages(root);
  const unused = unusedDependencies(manifest, await readSources(root));
  return [
    ...unused.map((name) => `${name} is a dependency that nothing uses`),
    ...pinIssues(manifest, lock),
    ...scriptIssues(manifest, lock),
    ...licenceIssues(lock),
    ...knownBad(lock),
    ...bomIssues(JSON.parse(await readBom(root)), lock),
  ];
}

if (import.meta.main) {
  const [option, file] = process.argv.slice(2);
  if (option === "--licences") {
    for (const [licence, names] of licencesOf((await readPackages()).lock)) console.log(`${licence}: ${names.join(" ")}`);
  }
  if (option === "--sbom") await writeFile(file ?? "sbom.cdx.json", await readBom());
  const issues = await supplyChainIssues();
  for (const issue of issues) console.error(issue);
  console.log(issues.length === 0 ? "the supply chain is as it should be" : `${issues.length} issues`);
  process.exitCode = issues.length === 0 ? 0 : 1;
}
