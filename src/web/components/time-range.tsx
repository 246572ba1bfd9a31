/** From and to, to the second: a few usual spans, or any. */
import { Button, Popover } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconChevronDown } from "@tabler/icons-react";
import { useEffect, useRef } from "react";
import classes from "./filter-bar.module.css";
import { formatMoment } from "./format.ts";
import { MomentInput } from "./moment-input.tsx";

/** ISO times, or "". */
export interface Range {
  from: string;
  to: string;
}

const SINCE: [label: string, minutes: number][] = [
  ["Last 15 minutes", 15],
  ["Last hour", 60],
  ["Last 24 hours", 1_440],
  ["Last 7 days", 10_080],
];

export function rangeText({ from, to }: Range): string {
  if (!to) return `since ${formatMoment(from)}`;
  return from ? `${formatMoment(from)} – ${formatMoment(to)}` : `before ${formatMoment(to)}`;
}

/** The button names the panel. */
export function TimeRange({ from, to, change }: Range & { change: (range: Range) => void }) {
  // A year is typed digit by digit, and each is a year.
  const typed = useRef<Range>({ from, to });
  const send = useDebouncedCallback(() => change(typed.current), 500);
  useEffect(() => {
    typed.current = { from, to };
  }, [from, to]);
  const edit = (part: Partial<Range>) => {
    typed.current = { ...typed.current, ...part };
    send();
  };
  return (
    <Popover position="bottom-start" width={290} trapFocus returnFocus withinPortal>
      <Popover.Target>
        <Button size="xs" variant="default" rightSection={<IconChevronDown size={13} />}>
          Time range
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <div className={classes["range"]}>
          <div className={classes["presets"]}>
            {SINCE.map(([label, minutes]) => (
              <Button
                key={minutes}
                size="compact-xs"
                variant="default"
                onClick={() => change({ from: new Date(Date.now() - minutes * 60_000).toISOString(), to: "" })}
              >
                {label}
              </Button>
            ))}
          </div>
          <MomentInput label="From" value={from} change={(next) => edit({ from: next })} />
          <MomentInput label="To" value={to} change={(next) => edit({ to: next })} />
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
