/** Exact pins, integrity, and install scripts: what package.json says and what the lock file holds. Pure. */

export interface Manifest {
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  overrides?: Record<string, unknown>;
  /** The packages whose install scripts may run. */
  allowScripts?: Record<string, boolean>;
}

export interface LockedPackage {
  version: string;
  resolved?: string;
  integrity?: string;
  license?: string;
  link?: boolean;
  dev?: boolean;
  hasInstallScript?: boolean;
}

export interface Lock {
  /** By path: `node_modules/a/node_modules/b`; "" is ours. */
  packages: Record<string, LockedPackage>;
}

/** What the lock file holds, but ourselves and what lives in this repository. */
export function packagesOf(lock: Lock): { name: string; path: string; entry: LockedPackage }[] {
  return Object.entries(lock.packages).flatMap(([path, entry]) => {
    const at = path.lastIndexOf("node_modules/");
    return at < 0 || entry.link === true ? [] : [{ name: path.slice(at + "node_modules/".length), path, entry }];
  });
}

const EXACT = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/;
const REGISTRY = "https://registry.npmjs.org/";

export function pinIssues(manifest: Manifest, lock: Lock): string[] {
  const asked = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  return [
    ...asked.flatMap(([name, version]) => (EXACT.test(version) ? [] : [`${name}: ${version} is no exact version`])),
    ...asked.flatMap(([name, version]) => {
      const locked = lock.packages[`node_modules/${name}`]?.version;
      return locked === version || !EXACT.test(version) ? [] : [`${name}: ${version} is asked for, ${locked ?? "nothing"} is locked`];
    }),
    ...packagesOf(lock).flatMap(({ path, entry }) => [
      ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? "") ? [] : [`${path}: has no SHA-512 integrity`]),
      ...(entry.resolved === undefined || entry.resolved.startsWith(REGISTRY) ? [] : [`${path}: comes from elsewhere than the registry`]),
    ]),
  ];
}

/** Each install script is named in `allowScripts`, and each name there has one. */
export function scriptIssues(manifest: Manifest, lock: Lock): string[] {
  const scripted = new Set(packagesOf(lock).flatMap(({ name, entry }) => (entry.hasInstallScript ? [name] : [])));
  const allowed = new Set(Object.keys(manifest.allowScripts ?? {}));
  return [
    ...[...scripted].filter((name) => !allowed.has(name)).map((name) => `${name}: has an install script that allowScripts does not name`),
    ...[...allowed].filter((name) => !scripted.has(name)).map((name) => `${name}: stands in allowScripts and has no install script`),
  ];
}
