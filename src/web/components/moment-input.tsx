import { TextInput } from "@mantine/core";
import { useLayoutEffect, useRef, useState } from "react";
import { instantOf, useZone, wallText } from "./zone.ts";

interface MomentInputProps {
  label: string;
  description?: string;
  /** ISO, or "". */
  value: string;
  error?: string | undefined;
  change: (value: string) => void;
}

/** Date and time with seconds, by the clock of the chosen zone, which the label names. */
export function MomentInput({ label, value, change, error, ...rest }: MomentInputProps) {
  const zone = useZone();
  // The field has its own text: what comes back from an address comes too late for somebody who types.
  const [text, setText] = useState(wallText(value));
  const sent = useRef({ value, zone });
  // In the commit: what is typed before a later effect would be undone.
  useLayoutEffect(() => {
    if (value === sent.current.value && zone === sent.current.zone) return;
    sent.current = { value, zone };
    setText(wallText(value));
  }, [value, zone]);
  return (
    <TextInput
      {...rest}
      label={`${label} (${zone})`}
      type="datetime-local"
      step={1}
      value={text}
      {...(error === undefined ? {} : { error })}
      onChange={(event) => {
        setText(event.currentTarget.value);
        const next = instantOf(event.currentTarget.value);
        sent.current = { value: next, zone };
        change(next);
      }}
    />
  );
}
