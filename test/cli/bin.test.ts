import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const BIN = path.resolve(import.meta.dirname, "../..", manifest.bin.hookline);
const run = promisify(execFile);

describe("bin/hookline.js", () => {
  it("runs the command line on a new Node", async () => {
    expect((await run(process.execPath, [BIN, "--version"])).stdout.trim()).toBe(manifest.version);
  });

  it("finds the Node that was installed with it when it is started by an old one, and passes its exit code on", async () => {
    const old = `data:text/javascript,Object.defineProperty(process.versions, "node", { value: "20.20.2" })`;
    expect((await run(process.execPath, ["--import", old, BIN, "--version"])).stdout.trim()).toBe(manifest.version);
    await expect(run(process.execPath, ["--import", old, BIN, "emit"])).rejects.toMatchObject({ code: 1 });
  });
});
