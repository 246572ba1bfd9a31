import { TagsInput } from "@mantine/core";
import type { Choices } from "./choices.ts";
import classes from "./editor.module.css";
import type { FieldsProps } from "./editor-values.ts";
import { FilterBuilder, FilterPreview } from "./filter-builder.tsx";

/** The catalogue's types, and the families they form: `order.created` → `order.*`. */
function suggestions(names: string[]): string[] {
  const families = names.flatMap((name) => (name.includes(".") ? [`${name.slice(0, name.lastIndexOf("."))}.*`] : []));
  return [...new Set(["*", ...families, ...names])];
}

/** Of a long catalogue; what one types narrows it. */
const MOST_SHOWN = 200;

export function EventFields({ values, set, issue, choices }: FieldsProps & { choices: Choices }) {
  return (
    <>
      <TagsInput
        label="Event types"
        description="From the catalogue or as you type them; order.* takes all below order, * takes everything. Empty: only workflow rules trigger it."
        placeholder={values.eventTypes.length === 0 ? "order.created" : ""}
        data={suggestions(choices.eventTypes)}
        limit={MOST_SHOWN}
        value={values.eventTypes}
        error={issue("eventTypes")}
        acceptValueOnBlur
        splitChars={[",", " "]}
        onChange={(eventTypes) => set({ eventTypes })}
      />
      {values.eventTypes.length > 0 && <FilterPreview eventTypes={values.eventTypes} filter={values.filter} />}
    </>
  );
}

export function FilterFields({ values, set, issue }: FieldsProps) {
  return (
    <div data-field>
      <p className={classes["label"]} data-field-label>
        Filter
      </p>
      <FilterBuilder
        key={values.code === "" ? "new" : "known"}
        filter={values.filter}
        change={(filter, filterMistake) => set({ filter, filterMistake })}
        error={issue("filter")}
      />
    </div>
  );
}
