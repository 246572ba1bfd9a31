import { z } from "zod";

/** As good as no limit. More digits, which a number would round, are taken for it. */
const MOST = 999_999_999;

/** `60/60`: so many posts in so many seconds. */
export const rate = z.string().transform((text, ctx) => {
  const [count = 0, seconds = 0] = (/^(\d+)\/(\d+)$/.exec(text)?.slice(1) ?? []).map((digits) => Math.min(Number(digits), MOST));
  if (count >= 1 && seconds >= 1) return { count, seconds };
  ctx.addIssue({ code: "custom", message: `must be posts/seconds, such as 60/60, each a whole number from 1 to ${MOST}` });
  return z.NEVER;
});
