/** Several PNG pictures of one size as one that moves (APNG, https://wiki.mozilla.org/APNG_Specification): browsers and GitHub show it. */
import { crc32 } from "node:zlib";

interface Chunk {
  type: string;
  data: Buffer;
}

const SIGNATURE = 8;

function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE; at < png.length; ) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += length + 12;
  }
  return chunks;
}

function written({ type, data }: Chunk): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

const numbers = (...values: number[]): Buffer => {
  const data = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) data.writeUInt32BE(value, 4 * i);
  return data;
};

/**
 * @param frames PNGs of the same size and colour type
 * @param delaysMs how long each is shown
 * @throws when they differ in size or colours
 */
export function apng(frames: readonly Buffer[], delaysMs: readonly number[]): Buffer {
  const [first] = frames;
  if (!first) throw new Error("an animation needs a picture");
  const head = chunksOf(first).find(({ type }) => type === "IHDR") as Chunk;
  const [width, height] = [head.data.readUInt32BE(0), head.data.readUInt32BE(4)];
  const out: Chunk[] = [head, { type: "acTL", data: numbers(frames.length, 0) }];
  let sequence = 0;
  for (const [i, frame] of frames.entries()) {
    const chunks = chunksOf(frame);
    if (!chunks.find(({ type }) => type === "IHDR")?.data.equals(head.data))
      throw new Error(`picture ${i} has another size or other colours`);
    const delay = Buffer.alloc(6);
    delay.writeUInt16BE(delaysMs[i] ?? 100, 0);
    delay.writeUInt16BE(1_000, 2);
    out.push({ type: "fcTL", data: Buffer.concat([numbers(sequence++, width, height, 0, 0), delay]) });
    const pixels = Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data));
    // The first is what a reader of plain PNGs shows.
    out.push(i === 0 ? { type: "IDAT", data: pixels } : { type: "fdAT", data: Buffer.concat([numbers(sequence++), pixels]) });
  }
  out.push({ type: "IEND", data: Buffer.alloc(0) });
  return Buffer.concat([first.subarray(0, SIGNATURE), ...out.map(written)]);
}
