/** A part of a form that is folded: its header says what stands in it. What was typed stays while it is closed. */
import { IconChevronRight } from "@tabler/icons-react";
import { type ReactNode, useId, useState } from "react";
import classes from "./fold.module.css";

interface FoldProps {
  title: string;
  /** The present value in a line. */
  value: string;
  /** Something in it has an error: it opens, and stays open until that is mended. */
  wrong: boolean;
  children: ReactNode;
}

export function Fold({ title, value, wrong, children }: FoldProps) {
  const [opened, setOpened] = useState(false);
  const id = useId();
  // Mended while somebody types in it: it does not close under their hands.
  if (wrong && !opened) setOpened(true);
  const open = opened || wrong;
  return (
    <section className={classes["fold"]} data-open={open || undefined}>
      <h3 className={classes["title"]}>
        <button type="button" aria-expanded={open} aria-controls={id} onClick={() => setOpened(!open)} className={classes["button"]}>
          <IconChevronRight size={16} aria-hidden className={classes["arrow"] ?? ""} />
          <span className={classes["words"]}>
            <span>{title}</span> <span className={classes["value"]}>{value}</span>
          </span>
        </button>
      </h3>
      <div id={id} hidden={!open} className={classes["content"]}>
        {children}
      </div>
    </section>
  );
}
