/** The portal in the name, colour and logo of the installation's owner: what the environment says of them. */
import { extname } from "node:path";
import { z } from "zod";
import { readPlainFile } from "./plain-file.ts";

const MOST_LOGO_BYTES = 256 * 1024;

export interface PortalLogo {
  /** Its media type. */
  type: string;
  bytes: Buffer;
}

/** What is absent is as Hookline has it. */
export interface PortalBrand {
  /** 1 to 60 characters. */
  name?: string | undefined;
  /** `#rrggbb`, in small letters. */
  color?: string | undefined;
  logo?: PortalLogo | undefined;
}

/** By a file's ending; `begins` is how such files do, as Latin-1. */
const KINDS: Readonly<Record<string, { type: string; begins: RegExp }>> = {
  ".svg": { type: "image/svg+xml", begins: /<svg[\s>]/ },
  ".png": { type: "image/png", begins: /^\x89PNG\r\n/ },
  ".webp": { type: "image/webp", begins: /^RIFF.{4}WEBP/s },
  ".jpg": { type: "image/jpeg", begins: /^\xff\xd8\xff/ },
};

/** @returns the file's content, or one sentence that says what is wrong with it */
function readLogo(file: string): PortalLogo | string {
  const ending = extname(file).toLowerCase();
  const kind = KINDS[ending];
  if (!kind) return `${file} is no picture that the portal shows: name a file that ends with .svg, .png, .webp or .jpg`;
  const found = readPlainFile(file, "a logo", MOST_LOGO_BYTES);
  if ("problem" in found) return found.problem;
  if (!kind.begins.test(found.bytes.toString("latin1"))) return `${file} holds something else than its ending ${ending} says`;
  return { type: kind.type, bytes: found.bytes };
}

const name = z
  .string()
  .trim()
  .regex(/^\P{Cc}{1,60}$/u, "must have 1 to 60 characters, on one line");
const color = z
  .string()
  .trim()
  .regex(/^#[0-9a-f]{6}$/i, "must be # and six hexadecimal digits, such as #1a6b54")
  .toLowerCase();
const logo = z.string().transform((file, ctx) => {
  const found = readLogo(file);
  if (typeof found !== "string") return found;
  ctx.addIssue({ code: "custom", message: found });
  return z.NEVER;
});

export const PORTAL_VARIABLES = {
  HOOKLINE_PORTAL_NAME: name.optional(),
  HOOKLINE_PORTAL_COLOR: color.optional(),
  HOOKLINE_PORTAL_LOGO: logo.optional(),
} as const;

export const portalBrandOf = (given: z.infer<z.ZodObject<typeof PORTAL_VARIABLES>>): PortalBrand => ({
  name: given.HOOKLINE_PORTAL_NAME,
  color: given.HOOKLINE_PORTAL_COLOR,
  logo: given.HOOKLINE_PORTAL_LOGO,
});
