/** A name server for processes of the harness alone: they see it in a mount namespace of their own. Needs root. */
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Loopback, and nobody else's: resolv.conf knows no ports. */
const ADDRESS = "127.0.0.77";
const NXDOMAIN = 3;

export interface Names {
  /** IPv4, "nxdomain" or "silent"; what is not here does not exist. */
  readonly known: Map<string, string>;
  /** Words before a command that is to ask it. */
  readonly wrap: readonly string[];
  close(): Promise<void>;
}

/** The answer to one question: A records, and nothing for other types. */
function answer(query: Buffer, known: ReadonlyMap<string, string>): Buffer | undefined {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(12, at + 5);
  const isA = query.readUInt16BE(at + 1) === 1;
  const found = known.get(labels.join(".").toLowerCase()) ?? "nxdomain";
  if (found === "silent") return undefined;
  const head = Buffer.from(query.subarray(0, 12));
  head.writeUInt16BE(0x8180 | (found === "nxdomain" ? NXDOMAIN : 0), 2);
  head.writeUInt16BE(1, 4);
  const hasAnswer = isA && found !== "nxdomain";
  head.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  if (!hasAnswer) return Buffer.concat([head, question]);
  // A pointer to the question's name, A, IN, a TTL of 0, four bytes.
  return Buffer.concat([head, question, Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...found.split(".").map(Number)])]);
}

export async function startNames(): Promise<Names> {
  const known = new Map<string, string>();
  const folder = mkdtempSync(path.join(tmpdir(), "hookline-names-"));
  const file = path.join(folder, "resolv.conf");
  writeFileSync(file, `nameserver ${ADDRESS}\noptions attempts:1 timeout:3\n`);
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const reply = answer(query, known);
    if (reply) socket.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(53, ADDRESS, resolve);
  });
  return {
    known,
    wrap: ["unshare", "--mount", "--propagation", "private", "sh", "-c", `mount --bind ${file} /etc/resolv.conf && exec "$@"`, "sh"],
    async close() {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
