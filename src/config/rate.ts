import { z } from "zod";
import { whole } from "./whole.ts";

const number = whole(1, 999_999_999);

/** `60/60`: so many posts in so many seconds. */
export const rate = z.string().transform((text, ctx) => {
  const [count, seconds, ...rest] = text.split("/").map((part) => number.safeParse(part).data);
  if (count !== undefined && seconds !== undefined && rest.length === 0) return { count, seconds };
  ctx.addIssue({ code: "custom", message: "must be posts/seconds, such as 60/60, each a whole number from 1 to 999999999" });
  return z.NEVER;
});
