/** The form of a backup file: what is written is read again, however its bytes come, and what was altered is refused soon. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { createFrameWriter, readFrames } from "../../src/backup/frames.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hookline-frames-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function framesOf(file: string): Promise<{ kind: string; digest: string }[]> {
  const found = [];
  for await (const { kind, payload } of readFrames(file)) found.push({ kind, digest: sha256(payload) });
  return found;
}
const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

describe("B17 frames", () => {
  it("B17 come back as they were written: empty ones, ones of a byte, and ones that take thousands of chunks", async () => {
    const file = path.join(folder, "sizes");
    const noise = Buffer.concat(Array.from({ length: 40_000 }, (_, i) => createHash("sha256").update(String(i)).digest()));
    const payloads = [0, 1, 4, 5, 16_379, 16_384, 3 * 16_384 + 1, noise.length].map((length) => noise.subarray(0, length));
    const writer = createFrameWriter(file);
    await writer.write("H", { format: 1 });
    for (const payload of [...payloads, ...payloads.toReversed()]) await writer.write("D", payload);
    await writer.end();
    const read = await framesOf(file);
    const expected = [...payloads, ...payloads.toReversed()].map((payload) => ({ kind: "D", digest: sha256(payload) }));
    expect(read).toEqual([{ kind: "H", digest: sha256(Buffer.from('{"format":1}')) }, ...expected]);
  });

  it("B17 a small file that announces a frame of 256 MiB, and holds most of it, is refused within seconds", {
    timeout: 60_000,
  }, async () => {
    const file = path.join(folder, "long");
    const head = Buffer.from("H\0\0\0\x02{}D\x10\0\0\0", "latin1");
    writeFileSync(file, gzipSync(Buffer.concat([head, Buffer.alloc(250 * 2 ** 20)]), { level: 1 }));
    const began = performance.now();
    await expect(framesOf(file)).rejects.toThrow(/is damaged/);
    // A copy for each chunk took minutes.
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
