/** What HOOKLINE_WORKERS=auto comes to. */
import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { quotaCores, usableCores } from "../../src/config/cores.ts";
import { readConfig } from "../../src/config.ts";

const files = (texts: Record<string, string>) => (file: string) => texts[file];

describe("cores that may be used", () => {
  test("a quota of cgroup v2, also one of a group above, the strictest counts", () => {
    const read = files({
      "/proc/self/cgroup": "0::/system.slice/hookline.service\n",
      "/sys/fs/cgroup/system.slice/hookline.service/cpu.max": "max 100000\n",
      "/sys/fs/cgroup/system.slice/cpu.max": "350000 100000\n",
    });
    expect(quotaCores(read)).toBe(3.5);
    expect(usableCores(read, 16)).toBe(3);
    expect(usableCores(read, 2)).toBe(2);
  });

  test("in a container its own group is the root", () => {
    expect(usableCores(files({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "50000 100000\n" }), 8)).toBe(1);
  });

  test("a quota of cgroup v1", () => {
    const cgroup = "5:devices:/x\n4:cpu,cpuacct:/docker/a:b\n0::/\n";
    const at = "/sys/fs/cgroup/cpu/docker/a:b";
    const quota = (text: string) =>
      usableCores(files({ "/proc/self/cgroup": cgroup, [`${at}/cpu.cfs_quota_us`]: text, [`${at}/cpu.cfs_period_us`]: "100000\n" }), 8);
    expect(quota("200000\n")).toBe(2);
    expect(quota("-1\n")).toBe(8);
  });

  test("without a quota it is what the CPU set allows", () => {
    expect(usableCores(files({}), 6)).toBe(6);
    expect(usableCores()).toBeLessThanOrEqual(availableParallelism());
  });
});

describe("HOOKLINE_WORKERS", () => {
  test("is 1 unless said, a number, or auto", () => {
    expect(readConfig({}).workers).toBe(1);
    expect(readConfig({ HOOKLINE_WORKERS: "3" }).workers).toBe(3);
    expect(readConfig({ HOOKLINE_WORKERS: "auto" }).workers).toBe(usableCores());
  });

  test.each(["0", "65", "-1", "1.5", "many", "AUTO", "1e1", " 2"])("%s is refused with what to write", (text) => {
    expect(() => readConfig({ HOOKLINE_WORKERS: text })).toThrow(/HOOKLINE_WORKERS: must be auto, or a whole number from 1 to 64/);
  });
});
