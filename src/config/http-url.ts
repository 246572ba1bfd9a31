/** http and https URLs in a variable. */
import { z } from "zod";
import { withoutTail } from "../text.ts";
import { isHost, withoutBrackets } from "./host.ts";

/** `URL` mends what is written otherwise, such as `http:x` and `http:\\x`: the text itself is used, so it is not taken. */
const WRITTEN = /^https?:\/\/[^/\s\\?#][^\s\\?#]*$/i;

/** Undefined for what can never be called: no query, no fragment, a host that may exist and no port 0. */
export function readHttpUrl(text: string): URL | undefined {
  const url = WRITTEN.test(text) ? URL.parse(text) : null;
  return url && url.port !== "0" && isHost(withoutBrackets(url.hostname)) ? url : undefined;
}

/** Without a trailing slash. */
export const httpUrl = z
  .string()
  .trim()
  .refine((text) => {
    const url = readHttpUrl(text);
    return url !== undefined && url.username === "" && url.password === "";
  }, "must be an http or https URL without user, query and fragment, such as https://hooks.example.com")
  .transform((text) => withoutTail(text, "/"));

/** Links, cookies and the dashboard's own addresses begin at the root. Written as a browser writes it: it is compared with Origin and Host. */
export const rootUrl = httpUrl
  .refine(
    (text) => (URL.parse(text)?.pathname ?? "/") === "/",
    "must have no path: Hookline stands at the root of a host name of its own, such as https://hooks.example.com",
  )
  .transform((text) => URL.parse(text)?.origin ?? text);
