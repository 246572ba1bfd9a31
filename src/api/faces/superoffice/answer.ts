/** Answers out: JSON or XML as `Accept` says (S8). */
import type { FastifyReply, FastifyRequest } from "fastify";
import { writeXml, writeXmlList } from "./xml.ts";

const JSON_TYPES = ["application/json", "text/json", "application/json-patch+json", "application/merge-patch+json"];
const XML_TYPES = ["application/xml", "text/xml"];

/** The best that the client names; JSON for a client that names none of them. */
export function acceptedType(accept: string | undefined): string {
  const wanted = (accept ?? "")
    .split(",")
    .map((part, index) => {
      const [type = "", ...parameters] = part.split(";").map((each) => each.trim().toLowerCase());
      const q = parameters.find((parameter) => parameter.startsWith("q="));
      const quality = q === undefined ? 1 : Number(q.slice(2));
      return { type, index, quality: Number.isFinite(quality) ? quality : 0 };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || a.index - b.index);
  return wanted.map(({ type }) => type).find((type) => JSON_TYPES.includes(type) || XML_TYPES.includes(type)) ?? "application/json";
}

/** @param root the element's name in XML; an array becomes a list of them */
export function answer(request: FastifyRequest, reply: FastifyReply, root: string, value: unknown): FastifyReply {
  const type = acceptedType(request.headers.accept);
  reply.code(200).type(`${type}; charset=utf-8`);
  if (!XML_TYPES.includes(type)) return reply.send(JSON.stringify(value));
  return reply.send(Array.isArray(value) ? writeXmlList(root, value) : writeXml(root, value));
}
