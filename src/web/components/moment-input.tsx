import { TextInput } from "@mantine/core";
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
  return (
    <TextInput
      {...rest}
      label={`${label} (${zone})`}
      type="datetime-local"
      step={1}
      value={wallText(value)}
      {...(error === undefined ? {} : { error })}
      onChange={(event) => change(instantOf(event.currentTarget.value))}
    />
  );
}
