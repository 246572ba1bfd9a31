import { ActionIcon, Tooltip } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import classes from "./copy.module.css";

export function CopyButton({ text, label }: { text: string; label: string }) {
  const clipboard = useClipboard({ timeout: 1_600 });
  return (
    <Tooltip label={clipboard.copied ? "Copied" : label}>
      <ActionIcon onClick={() => clipboard.copy(text)} aria-label={clipboard.copied ? "Copied" : label} size="sm">
        {clipboard.copied ? <IconCheck size={15} color="var(--ok)" /> : <IconCopy size={15} />}
      </ActionIcon>
    </Tooltip>
  );
}

/** A value that people carry elsewhere: a URL, an id, a secret. */
export function CopyField({ text, label, shown }: { text: string; label: string; shown?: string }) {
  return (
    <span className={classes["field"]}>
      <span className="mono">{shown ?? text}</span>
      <CopyButton text={text} label={label} />
    </span>
  );
}

/** Shown once and never again: says so, and why it matters. */
export function ShownOnce({ title, text, label, children }: { title: string; text: string; label: string; children?: React.ReactNode }) {
  return (
    <div className={classes["once"]} role="status">
      <p className={classes["onceTitle"]}>{title}</p>
      <CopyField text={text} label={label} />
      <p className={classes["onceHint"]}>{children ?? "Copy it now: it is not shown again."}</p>
    </div>
  );
}
