import { TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";
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
  const typed = useRef(value);
  const send = useDebouncedCallback((next: string) => change(next.trim()), 350);
  useEffect(() => {
    if (value !== typed.current.trim()) setText(value);
    typed.current = value;
  }, [value]);
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={text}
      size="xs"
      className={classes["field"] ?? ""}
      onChange={(event) => {
        typed.current = event.currentTarget.value;
        setText(event.currentTarget.value);
        send(event.currentTarget.value);
      }}
    />
  );
}
