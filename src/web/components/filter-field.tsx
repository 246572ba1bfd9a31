import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useLayoutEffect, useRef, useState } from "react";
import classes from "./filter-bar.module.css";

interface FieldProps {
  value: string;
  change: (value: string) => void;
  label: string;
  placeholder?: string;
}

/** A text field that asks the server once the typing pauses. */
export function FilterField({ value, change, label, placeholder = label }: FieldProps) {
  const [text, setText] = useState(value);
  const sent = useRef(value);
  const send = useDebouncedCallback((next: string) => {
    sent.current = next.trim();
    change(sent.current);
  }, 350);
  // What was sent comes back when more may have been typed. In the commit: a key pressed before a later effect would be undone.
  useLayoutEffect(() => {
    if (value === sent.current) return;
    sent.current = value;
    setText(value);
  }, [value]);
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={text}
      size="xs"
      className={classes["field"] ?? ""}
      onChange={(event) => {
        setText(event.currentTarget.value);
        send(event.currentTarget.value);
      }}
    />
  );
}
