/**
 * The form of a backup file: gzip of frames, each a letter, a length (4 bytes) and a payload; the last holds the SHA-256 of
 * all before it. A file that was cut short, or changed in any place, has no such end: it is refused before anything is written.
 *
 *   H header (JSON) · T a table begins (JSON) · D its rows, as COPY writes them · E it ends (JSON) · S sequences (JSON) · Z SHA-256
 */
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";

export type Kind = "H" | "T" | "D" | "E" | "S" | "Z";

export interface Frame {
  kind: Kind;
  payload: Buffer;
}

const HEAD_BYTES = 5;
/** More than any writer makes: a length beyond it is damage. */
const LARGEST_BYTES = 1 << 28;

/** `message` is for the operator. */
export class BackupFileError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "BackupFileError";
  }
}

function headOf(kind: Kind, length: number): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(kind, 0, "latin1");
  head.writeUInt32BE(length, 1);
  return head;
}

export interface FrameWriter {
  write(kind: Exclude<Kind, "Z">, payload: Buffer | object): Promise<void>;
  /** Adds the last frame; resolves when all is on disk. */
  end(): Promise<void>;
  /** Lets go of a file that will not be finished. */
  abandon(): void;
}

/** @param file must not exist */
export function createFrameWriter(file: string): FrameWriter {
  const gzip = createGzip({ level: 6 });
  const hash: Hash = createHash("sha256");
  const sink = createWriteStream(file, { flags: "wx", mode: 0o600, flush: true });
  const done = pipeline(gzip, sink);
  let failure: unknown;
  done.catch((error: unknown) => {
    failure = error;
  });
  async function put(bytes: Buffer): Promise<void> {
    if (failure) throw failure;
    if (!gzip.write(bytes)) await Promise.race([once(gzip, "drain"), done]);
  }
  return {
    async write(kind, payload) {
      const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload));
      const head = headOf(kind, bytes.length);
      hash.update(head).update(bytes);
      await put(head);
      await put(bytes);
    },
    async end() {
      const digest = hash.digest();
      await put(Buffer.concat([headOf("Z", digest.length), digest]));
      gzip.end();
      await done;
    },
    abandon() {
      gzip.destroy();
      sink.destroy();
    },
  };
}

/** What came and was not taken yet. Chunks are joined only once all that is asked for is there: a frame is copied once, however many it came in. */
function createIncoming() {
  let chunks: Buffer[] = [];
  let length = 0;
  return {
    add(chunk: Buffer): void {
      chunks.push(chunk);
      length += chunk.length;
    },
    /** Undefined, and nothing is taken, while there are fewer than `count` bytes. */
    take(count: number): Buffer | undefined {
      if (length < count) return undefined;
      const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      chunks = [all.subarray(count)];
      length -= count;
      return all.subarray(0, count);
    },
    get isEmpty() {
      return length === 0;
    },
  };
}

const DAMAGED = "is damaged: a checksum or its end does not fit; nothing was restored. Take another copy of the file";

/**
 * The frames but the last, which is checked.
 * @throws BackupFileError for what is no backup, was cut short or changed; the error of the file system
 */
export async function* readFrames(file: string): AsyncGenerator<Frame> {
  const source = createReadStream(file);
  const gunzip = createGunzip();
  source.on("error", (error) => gunzip.destroy(error));
  source.pipe(gunzip);
  const hash = createHash("sha256");
  const incoming = createIncoming();
  let head: Buffer | undefined;
  let frames = 0;
  let closed = false;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      if (closed) throw new BackupFileError(`${file} ${DAMAGED}`);
      incoming.add(chunk);
      for (;;) {
        head ??= incoming.take(HEAD_BYTES);
        if (head === undefined) break;
        const kind = head.toString("latin1", 0, 1) as Kind;
        const length = head.readUInt32BE(1);
        if (frames === 0 && kind !== "H") throw new BackupFileError(`${file} is no backup of Hookline`);
        if (length > LARGEST_BYTES) throw new BackupFileError(`${file} ${DAMAGED}`);
        const payload = incoming.take(length);
        if (payload === undefined) break;
        if (kind === "Z") {
          closed = hash.digest().equals(payload) && incoming.isEmpty;
          if (!closed) throw new BackupFileError(`${file} ${DAMAGED}`);
        } else {
          hash.update(head).update(payload);
          yield { kind, payload };
        }
        head = undefined;
        frames += 1;
      }
    }
  } catch (error) {
    if (error instanceof BackupFileError || (error as NodeJS.ErrnoException).syscall) throw error;
    // What zlib says of bytes that are no gzip, or end too early.
    const what = frames === 0 ? "is no backup of Hookline" : DAMAGED;
    throw new BackupFileError(`${file} ${what}`, { cause: error });
  } finally {
    source.destroy();
    gunzip.destroy();
  }
  if (!closed) throw new BackupFileError(frames === 0 ? `${file} is no backup of Hookline` : `${file} ${DAMAGED}`);
}
