/** Where mail goes out, and from whom: as nodemailer reads both, which tells of a mistake only when a mail is due. */
import { isIP } from "node:net";
import { z } from "zod";
import { isHost, withoutBrackets } from "./host.ts";

/** A user or password may hold what should be percent-encoded: nodemailer takes it as it is. */
function isSmtpUrl(text: string): boolean {
  const url = /^smtps?:\/\//.test(text) ? URL.parse(text) : null;
  if (!url || url.port === "0") return false;
  try {
    return isHost(decodeURIComponent(withoutBrackets(url.hostname)));
  } catch {
    return false;
  }
}

const LOCAL_PART = /^(?:[^\s"(),:;<>@[\\\]]+|"[^"\\]+")$/;

/** `local@domain`, the domain also as `[127.0.0.1]`. */
function isAddress(text: string): boolean {
  const at = text.lastIndexOf("@");
  const domain = text.slice(at + 1);
  const literal = /^\[(?:IPv6:)?(.+)\]$/i.exec(domain)?.[1];
  return at > 0 && LOCAL_PART.test(text.slice(0, at)) && (literal === undefined ? isHost(domain) : isIP(literal) !== 0);
}

/** An unquoted comma in a name is part of it; with an @ beside it the text is a list of senders. */
function isDisplayName(text: string): boolean {
  const unquoted = text.replace(/"[^"]*"/g, "");
  return !/[<>"]/.test(unquoted) && !(/[,;]/.test(unquoted) && unquoted.includes("@"));
}

/** `a@b`, `Name <a@b>`, or `a@b (Name)`. */
function isMailbox(text: string): boolean {
  if (/\p{Cc}/u.test(text)) return false;
  if (!text.endsWith(">")) return isAddress(text.replace(/ \([^()]*\)$/, ""));
  const at = text.lastIndexOf("<");
  return isDisplayName(text.slice(0, Math.max(at, 0))) && isAddress(text.slice(at + 1, -1));
}

export const smtpUrl = z.string().refine(isSmtpUrl, "must be such as smtp://user:password@mail.example.com:587");
export const mailFrom = z
  .string()
  .trim()
  .refine(isMailbox, 'must be one mail address, such as hookline@example.com or "Hookline" <hookline@example.com>');
