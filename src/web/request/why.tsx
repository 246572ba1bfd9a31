import { useNow } from "../components/clock.ts";
import { sentenceOf, type Told } from "./sentence.ts";
import classes from "./why.module.css";

/** The sentence in its colour, with the first line of the reply under it. */
export function Why({ request, clip }: { request: Told; clip?: boolean }) {
  const sentence = sentenceOf(request, useNow(30_000));
  if (!sentence) return null;
  const { tone, text, reply } = sentence;
  return (
    <span className={classes["why"]} data-clip={clip || undefined} title={clip ? [text, reply].filter(Boolean).join("\n") : undefined}>
      <span className={classes["text"]} data-tone={tone}>
        {text}
      </span>
      {reply !== null && <span className={`mono ${classes["reply"]}`}>{reply}</span>}
    </span>
  );
}
