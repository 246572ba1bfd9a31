import { Textarea } from "@mantine/core";
import type { KeyboardEvent } from "react";

interface ScriptEditorProps {
  label: string;
  description?: string;
  placeholder?: string;
  value: string;
  error?: string | undefined;
  change: (value: string) => void;
  minRows?: number;
}

/** A field for code: Tab indents (Escape, then Tab, leaves it), Enter keeps the indentation. */
export function ScriptEditor({ value, change, error, minRows = 5, ...rest }: ScriptEditorProps) {
  function onKeyDown(event: KeyboardEvent<HTMLTextAreaElement>) {
    const field = event.currentTarget;
    const { selectionStart: start, selectionEnd: end } = field;
    const insert = (text: string) => {
      event.preventDefault();
      field.setRangeText(text, start, end, "end");
      change(field.value);
    };
    if (event.key === "Escape") {
      field.dataset["leaving"] = "true";
    } else if (event.key === "Tab" && !event.shiftKey && field.dataset["leaving"] !== "true") insert("  ");
    else if (event.key === "Enter") insert(`\n${/^[ \t]*/.exec(value.slice(value.lastIndexOf("\n", start - 1) + 1))?.[0] ?? ""}`);
    else if (event.key !== "Tab") delete field.dataset["leaving"];
  }
  return (
    <Textarea
      {...rest}
      {...(error === undefined ? {} : { error })}
      autosize
      minRows={minRows}
      maxRows={22}
      value={value}
      // Escape means this field: the panel around it stays open.
      data-mantine-stop-propagation="true"
      spellCheck={false}
      autoCapitalize="off"
      autoCorrect="off"
      classNames={{ input: "mono" }}
      onKeyDown={onKeyDown}
      onBlur={(event) => {
        delete event.currentTarget.dataset["leaving"];
      }}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}
