/** What a list is narrowed to: a chip for each clause, which takes it away again. */
import { Button, UnstyledButton } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import classes from "./filter-bar.module.css";

export interface Chip {
  name: string;
  value: string;
  remove: () => void;
}

export function Chips({ chips, clear }: { chips: readonly Chip[]; clear: () => void }) {
  if (chips.length === 0) return null;
  return (
    <ul className={classes["chips"]} aria-label="Filters">
      {chips.map(({ name, value, remove }) => (
        <li key={name} className={classes["chip"]}>
          <span className={`clip ${classes["words"]}`}>
            <span className="quiet">{name}</span> {value}
          </span>
          <UnstyledButton className={classes["remove"] ?? ""} aria-label={`Remove the filter ${name}`} onClick={remove}>
            <IconX size={13} aria-hidden />
          </UnstyledButton>
        </li>
      ))}
      <li>
        <Button size="compact-xs" variant="subtle" color="gray" onClick={clear}>
          Clear
        </Button>
      </li>
    </ul>
  );
}
