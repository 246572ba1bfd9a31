/** Where mail goes out, and from whom: as nodemailer reads both, which tells of a mistake only when a mail is due. */
import addressparser from "nodemailer/lib/addressparser";
import { z } from "zod";
import { isHost, withoutBrackets } from "./host.ts";

/** A user or password may hold what should be percent-encoded: nodemailer takes it as it is. It reads `host` and `service` of the query. */
function isSmtpUrl(text: string): boolean {
  const url = /^smtps?:\/\//.test(text) ? URL.parse(text) : null;
  if (!url || url.port === "0") return false;
  if (url.hostname === "" && url.searchParams.get("service")) return true;
  try {
    return isHost(url.hostname === "" ? (url.searchParams.get("host") ?? "") : decodeURIComponent(withoutBrackets(url.hostname)));
  } catch {
    return false;
  }
}

/** Whether nodemailer finds an address, the first of which it sends from: it refuses those with an angle bracket. */
export function isSender(text: string): boolean {
  // A tab is as good as a blank.
  if (/[^\P{Cc}\t]/u.test(text)) return false;
  const first = addressparser(text, { flatten: true }).find(({ address }) => address !== "");
  return first !== undefined && !/[<>]|^@|@$/.test(first.address);
}

export const SENDER = 'must be a mail address, such as hookline@example.com or "Hookline" <hookline@example.com>';

export const smtpUrl = z.string().trim().refine(isSmtpUrl, "must be such as smtp://user:password@mail.example.com:587");
