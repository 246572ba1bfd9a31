/**
 * Answers of JSON and XML beyond a kilobyte are compressed as the client takes them. Streams are not: they are written event by
 * event (graphql/answer.ts). Bodies that come in are never inflated (body.ts).
 */
import { promisify } from "node:util";
import { brotliCompress, gzip, constants as zlib } from "node:zlib";
import type { FastifyInstance } from "fastify";
import { parts } from "../text.ts";
import { varies } from "./replies.ts";

const compressed = { br: promisify(brotliCompress), gzip: promisify(gzip) };
/** Characters. A shorter answer fits into one packet anyway. */
const SHORTEST = 1024;
/** Half the work of zlib's own choice for 3 % more bytes. */
const GZIP = { level: 4 };
const TYPES = /[/+](json|xml)\b/;
const MOST_CODINGS = 30;

export type Coding = keyof typeof compressed;

/** 0 … 1; 1 when it is not said. */
function weightOf(parameters: readonly string[]): number {
  const q = parameters.map((each) => each.trim().toLowerCase()).find((each) => each.startsWith("q="));
  const weight = q === undefined ? 1 : Number(q.slice(2));
  return weight >= 0 && weight <= 1 ? weight : 0;
}

/** Of `Accept-Encoding` (RFC 9110, 12.5.3): the one that is liked best, Brotli when both are; undefined for neither. */
export function codingOf(header: string | undefined): Coding | undefined {
  if (header === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const part of parts(header, ",", MOST_CODINGS) ?? []) {
    const [name = "", ...parameters] = part.split(";");
    weights.set(name.trim().toLowerCase(), weightOf(parameters));
  }
  const weight = (coding: Coding) => weights.get(coding) ?? weights.get("*") ?? 0;
  if (weight("br") > 0 && weight("br") >= weight("gzip")) return "br";
  return weight("gzip") > 0 ? "gzip" : undefined;
}

function compress(coding: Coding, text: string): Promise<Buffer> {
  const bytes = Buffer.from(text);
  if (coding === "gzip") return compressed.gzip(bytes, GZIP);
  // Quality 4 takes as long as gzip and leaves a fifth less.
  return compressed.br(bytes, { params: { [zlib.BROTLI_PARAM_QUALITY]: 4, [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
}

/** A hook of a whole server, after those that judge the answer's size. */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook("onSend", (request, reply, payload: unknown, done) => {
    if (typeof payload !== "string" || payload.length < SHORTEST || reply.hasHeader("content-encoding")) return done(null, payload);
    if (!TYPES.test(String(reply.getHeader("content-type")))) return done(null, payload);
    varies(reply, "Accept-Encoding");
    const coding = request.method === "HEAD" ? undefined : codingOf(request.headers["accept-encoding"]);
    if (coding === undefined) return done(null, payload);
    return void compress(coding, payload).then(
      (bytes) => {
        reply.header("content-encoding", coding);
        reply.removeHeader("content-length");
        done(null, bytes);
      },
      // It is good as it is, too.
      () => done(null, payload),
    );
  });
}
