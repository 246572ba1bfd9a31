/** One of a few, kept in the address. */
import { SegmentedControl, type SegmentedControlProps } from "@mantine/core";
import { useAtOnce } from "./at-once.ts";

interface Props extends Omit<SegmentedControlProps, "value" | "onChange"> {
  /** As the address says. */
  value: string;
  onChange: (value: string) => void;
}

export function AddressChoice({ value, onChange, ...props }: Props) {
  const [shown, show] = useAtOnce(value);
  return (
    <SegmentedControl
      {...props}
      value={shown}
      onChange={(chosen) => {
        show(chosen);
        onChange(chosen);
      }}
    />
  );
}
