/** A real OTLP/HTTP collector: a server that takes what an exporter posts to /v1/traces, and reads its protobuf. */
import { startReceiver } from "./receiver.ts";

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  /** "" for a root. */
  parentId: string;
  state: string;
  name: string;
  /** 1 INTERNAL · 2 SERVER · 3 CLIENT · 4 PRODUCER */
  kind: number;
  attributes: Record<string, string | number>;
  links: string[];
  /** 0 UNSET · 2 ERROR */
  status: { code: number; message: string };
  resource: Record<string, string | number>;
}

type Field = number | bigint | Buffer;

/** Fields of a message by number, each as often as it stands there. */
function fieldsOf(bytes: Buffer): Map<number, Field[]> {
  const fields = new Map<number, Field[]>();
  let at = 0;
  const varint = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
      shift += 7n;
    }
  };
  const next = (wire: number): Field => {
    if (wire === 0) return varint();
    const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), next(tag & 7)]);
  }
  return fields;
}

const all = (fields: Map<number, Field[]>, number: number) => (fields.get(number) ?? []) as Buffer[];
const bytesAt = (fields: Map<number, Field[]>, number: number) => (fields.get(number)?.[0] ?? Buffer.alloc(0)) as Buffer;
const numberAt = (fields: Map<number, Field[]>, number: number) => Number(fields.get(number)?.[0] ?? 0);

function valueIn(any: Map<number, Field[]>): string | number {
  if (any.has(1)) return bytesAt(any, 1).toString();
  return any.has(4) ? bytesAt(any, 4).readDoubleLE() : numberAt(any, any.has(3) ? 3 : 2);
}

const attributesOf = (pairs: readonly Buffer[]) =>
  Object.fromEntries(pairs.map((pair) => [bytesAt(fieldsOf(pair), 1).toString(), valueIn(fieldsOf(bytesAt(fieldsOf(pair), 2)))]));

function spansOf(body: Buffer): CollectedSpan[] {
  return all(fieldsOf(body), 1).flatMap((ofResource) => {
    const resource = attributesOf(all(fieldsOf(bytesAt(fieldsOf(ofResource), 1)), 1));
    const spans = all(fieldsOf(ofResource), 2).flatMap((ofScope) => all(fieldsOf(ofScope), 2));
    return spans.map((bytes) => {
      const span = fieldsOf(bytes);
      const status = fieldsOf(bytesAt(span, 15));
      return {
        traceId: bytesAt(span, 1).toString("hex"),
        spanId: bytesAt(span, 2).toString("hex"),
        parentId: bytesAt(span, 4).toString("hex"),
        state: bytesAt(span, 3).toString(),
        name: bytesAt(span, 5).toString(),
        kind: numberAt(span, 6),
        attributes: attributesOf(all(span, 9)),
        links: all(span, 13).map((link) => bytesAt(fieldsOf(link), 1).toString("hex")),
        status: { code: numberAt(status, 3), message: bytesAt(status, 2).toString() },
        resource,
      };
    });
  });
}

/** It answers as `http.respond` says. */
export async function startCollector() {
  const http = await startReceiver();
  return {
    url: http.url,
    http,
    /** What it was sent, in the order of the posts. */
    spans: (name?: string): CollectedSpan[] =>
      http.calls.flatMap(({ body }) => spansOf(body)).filter((span) => name === undefined || span.name === name),
    /** All bytes that came, for what must not be among them. */
    text: (): string => Buffer.concat(http.calls.map(({ body }) => body)).toString("latin1"),
    close: () => http.close(),
  };
}
