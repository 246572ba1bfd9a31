/** Whether a bill of materials is CycloneDX, and names everything that the lock file holds with version, hash and licence. Pure. */
import { type Lock, packagesOf } from "./lock.ts";

interface Component {
  type?: string;
  name?: string;
  version?: string;
  purl?: string;
  "bom-ref"?: string;
  hashes?: { alg?: string; content?: string }[];
  licenses?: unknown[];
}

export interface Bom {
  bomFormat?: string;
  specVersion?: string;
  serialNumber?: string;
  metadata?: { component?: Component };
  components?: Component[];
  dependencies?: { ref?: string; dependsOn?: string[] }[];
}

const SERIAL = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const purlOf = (name: string, version: string) => `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;

export function bomIssues(bom: Bom, lock: Lock): string[] {
  const components = bom.components ?? [];
  const known = new Set(components.map((one) => `${one.name}@${one.version}`));
  const refs = new Set([bom.metadata?.component?.["bom-ref"], ...components.map((one) => one["bom-ref"])]);
  return [
    ...(bom.bomFormat === "CycloneDX" ? [] : ["the bill of materials is no CycloneDX"]),
    ...(/^1\.[4-9]$/.test(bom.specVersion ?? "") ? [] : [`CycloneDX ${bom.specVersion} is not a version that we know`]),
    ...(SERIAL.test(bom.serialNumber ?? "") ? [] : ["the bill of materials has no serial number"]),
    // It is called as the folder is.
    ...(bom.metadata?.component?.["bom-ref"] ? [] : ["the bill of materials does not say of what"]),
    ...packagesOf(lock)
      .filter(({ name, entry }) => !known.has(`${name}@${entry.version}`))
      .map(({ name, entry }) => `${name}@${entry.version} is locked, and not in the bill of materials`),
    ...components.flatMap((one) => componentIssues(one)),
    ...(bom.dependencies ?? [])
      .flatMap(({ ref, dependsOn = [] }) => [ref, ...dependsOn])
      .filter((ref) => !refs.has(ref))
      .map((ref) => `${ref} is depended on, and no component`),
  ];
}

function componentIssues({ type, name = "", version = "", purl, hashes = [], licenses = [] }: Component): string[] {
  const what = `${name}@${version}`;
  return [
    ...(type === "library" && name !== "" && version !== "" ? [] : [`${what}: is no library with name and version`]),
    ...(purl === purlOf(name, version) ? [] : [`${what}: its purl is ${purl}`]),
    ...(hashes.some(({ alg, content }) => alg === "SHA-512" && /^[0-9a-f]{128}$/.test(content ?? "")) ? [] : [`${what}: has no SHA-512`]),
    ...(licenses.length > 0 ? [] : [`${what}: has no licence`]),
  ];
}
