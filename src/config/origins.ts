/** Origins in a variable, joined by commas, or `*`. */
import { z } from "zod";
import { readHttpUrl } from "./http-url.ts";

/** What apps have that are no web pages: `capacitor://localhost`. */
const APP_ORIGIN = /^[a-z][a-z0-9+.-]{0,60}:\/\/[^\s/?#@\\,*]{1,253}$/;

/** As a browser says it in `Origin`; undefined for what no browser says there. */
export function normalOrigin(text: string): string | undefined {
  const url = URL.parse(text);
  if (!url || text.includes("*") || /[?#\\]/.test(text)) return undefined;
  if (url.protocol !== "http:" && url.protocol !== "https:") return APP_ORIGIN.test(text) ? text : undefined;
  return readHttpUrl(text) && url.username === "" && url.password === "" && url.pathname === "/" ? url.origin : undefined;
}

/** Pages that may hold the portal in a frame: never all of them. */
export const frameAncestors = z.string().transform((text, ctx) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const origin = normalOrigin(part);
      if (origin === undefined || !/^https?:/.test(origin)) {
        const message = `"${part.slice(0, 60)}" is no origin: write scheme, host and port alone, such as https://app.example.com, joined by commas`;
        ctx.addIssue({ code: "custom", message });
      }
      return origin ?? "";
    }),
);

/** `["*"]`: every origin. */
export const origins = z.string().transform((text, ctx) => {
  const given = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  if (given.includes("*")) {
    if (given.length > 1) ctx.addIssue({ code: "custom", message: "has * beside others: write * alone, or the origins without it" });
    return ["*"];
  }
  return given.map((part) => {
    const origin = normalOrigin(part);
    if (origin === undefined) {
      ctx.addIssue({
        code: "custom",
        message: `"${part.slice(0, 60)}" is no origin: write scheme, host and port alone, such as https://app.example.com, joined by commas; or * for all`,
      });
    }
    return origin ?? "";
  });
});
