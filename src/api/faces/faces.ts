/** The faces. Adding one: its folder, and its line here. */
import type { FastifyInstance } from "fastify";
import type { Doors } from "../doors.ts";
import { cotalker } from "./cotalker/face.ts";
import { crmcom } from "./crmcom/face.ts";
import { doforms } from "./doforms/face.ts";
import type { MountedFace } from "./face.ts";
import { inboundEvents } from "./inbound-events/face.ts";
import { results } from "./results/face.ts";
import { superoffice } from "./superoffice/face.ts";

/** The first whose prefix fits. */
export const faces: readonly MountedFace[] = [inboundEvents, results, doforms, cotalker, crmcom, superoffice];

/** The face a path belongs to, also where it leads nowhere. @param path without its query */
export function faceAt(path: string, among = faces): MountedFace | undefined {
  return among.find(({ prefixes }) => prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)));
}

/** A URL as the router is to see it. */
export function rewritten(url: string, among = faces): string {
  return among.reduce((seen, { rewrite }) => rewrite?.(seen) ?? seen, url);
}

export async function mountFaces(app: FastifyInstance, doors: Doors, among = faces): Promise<void> {
  for (const face of among) await face.mount(app, doors);
}
