/** "Changed meanwhile by …": theirs and mine, one beside the other, to choose from. */
import { Button, Radio } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import classes from "./conflict.module.css";
import type { Disputed, Side } from "./merge.ts";
import { inWords } from "./refusal.tsx";
import { Ago } from "./time.tsx";

export interface Conflict {
  /** By whom, as the server says it. */
  message: string;
  at: string;
  fields: Disputed[];
  /** Puts the chosen values into the form, to be looked at and saved. */
  resolve: (choice: Readonly<Record<string, Side>>) => void;
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value.length === 0 ? "–" : value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function ConflictQuestion({ conflict }: { conflict: Conflict }) {
  const [choice, setChoice] = useState<Record<string, Side>>({});
  const says = useRef<HTMLElement>(null);
  useEffect(() => says.current?.focus(), []);
  const open = conflict.fields.filter((each) => "mine" in each);
  const others = conflict.fields.filter((each) => !("mine" in each));
  return (
    <section ref={says} tabIndex={-1} className={classes["conflict"]} aria-label="Changed meanwhile" role="alert">
      <p className={classes["title"]}>
        Not saved: {conflict.message}, <Ago at={conflict.at} />.
      </p>
      {open.map(({ field, theirs, mine }) => (
        <Radio.Group
          key={field}
          label={inWords(field)}
          value={choice[field] ?? "mine"}
          onChange={(side) => setChoice((last) => ({ ...last, [field]: side as Side }))}
        >
          <div className={classes["sides"]}>
            <Radio value="theirs" label={<span className="clip">{shown(theirs)}</span>} description="Theirs" />
            <Radio value="mine" label={<span className="clip">{shown(mine)}</span>} description="Mine" />
          </div>
        </Radio.Group>
      ))}
      {others.map(({ field, theirs }) => (
        <p key={field} className={classes["kept"]}>
          {inWords(field)}: <strong className="clip">{shown(theirs)}</strong> <span className="quiet">(theirs; you did not change it)</span>
        </p>
      ))}
      <div>
        <Button size="xs" variant="default" onClick={() => conflict.resolve(choice)}>
          {open.length > 0 ? "Take these values" : "Keep theirs, go on with mine"}
        </Button>
      </div>
    </section>
  );
}
