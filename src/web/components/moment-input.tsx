import { TextInput } from "@mantine/core";

const two = (value: number): string => String(value).padStart(2, "0");

/** A moment as a field of the browser's takes it: in this browser's time zone, to the second. "" for none. */
export function momentText(at: string): string {
  const date = new Date(at);
  if (at === "" || Number.isNaN(date.getTime())) return "";
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

interface MomentInputProps {
  label: string;
  description?: string;
  /** ISO, or "". */
  value: string;
  error?: string | undefined;
  change: (value: string) => void;
}

/** Date and time with seconds. */
export function MomentInput({ value, change, error, ...rest }: MomentInputProps) {
  return (
    <TextInput
      {...rest}
      type="datetime-local"
      step={1}
      value={momentText(value)}
      {...(error === undefined ? {} : { error })}
      onChange={(event) => {
        const date = new Date(event.currentTarget.value);
        change(Number.isNaN(date.getTime()) ? "" : date.toISOString());
      }}
    />
  );
}
