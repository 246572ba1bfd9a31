/** HOOKLINE_WORKERS=auto: as many processes as the machine, or the container, lets run at once. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Text of a small file; undefined when there is none. */
type ReadText = (file: string) => string | undefined;

const readText: ReadText = (file) => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
};

const parentsOf = (folder: string): string[] => {
  const parts = folder.split("/").filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, i) => `/${parts.slice(0, parts.length - i).join("/")}`.replace(/\/$/, ""));
};

/** `quota period` in microseconds, such as `150000 100000`; `max` or -1: no quota. */
function coresOf(quota: string | undefined, period: string | undefined): number {
  const [microseconds, of] = [Number(quota), Number(period)];
  return microseconds > 0 && of > 0 ? microseconds / of : Number.POSITIVE_INFINITY;
}

/**
 * The strictest CPU quota of this process's control groups, in cores; infinite without one. Inside a container its own group is
 * the root; a group's parents may allow less than the group itself.
 */
export function quotaCores(read: ReadText = readText): number {
  const groups = (read("/proc/self/cgroup") ?? "").split("\n").map((line) => line.split(":"));
  const found = groups.flatMap(([, controllers = "", ...rest]) => {
    const folders = parentsOf(rest.join(":"));
    if (controllers === "") return folders.map((folder) => coresOf(...pair(read(`/sys/fs/cgroup${folder}/cpu.max`))));
    if (!controllers.split(",").includes("cpu")) return [];
    return folders.map((folder) => {
      const at = `/sys/fs/cgroup/cpu${folder}`;
      return coresOf(read(`${at}/cpu.cfs_quota_us`)?.trim(), read(`${at}/cpu.cfs_period_us`)?.trim());
    });
  });
  return Math.min(Number.POSITIVE_INFINITY, ...found);
}

function pair(text: string | undefined): [string | undefined, string | undefined] {
  const [quota, period] = (text ?? "").trim().split(/\s+/);
  return [quota, period];
}

/** Cores that this process may use, by its CPU set and its quota: at least 1. */
export function usableCores(read: ReadText = readText, parallelism = availableParallelism()): number {
  return Math.max(1, Math.min(parallelism, Math.floor(quotaCores(read))));
}
