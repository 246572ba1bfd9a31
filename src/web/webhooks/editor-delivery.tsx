import { NumberInput, Radio, Switch, TagsInput, TextInput } from "@mantine/core";
import { DIALECTS, EXHAUSTIONS, type OnExhausted, ORDERINGS, type Ordering } from "./dialects.ts";
import classes from "./editor.module.css";
import { SUPEROFFICE_ERRORS, waitsOf } from "./editor-summaries.ts";
import type { FieldsProps } from "./editor-values.ts";
import { Schedule } from "./schedule.tsx";

interface ChoiceProps<Name extends string> {
  label: string;
  value: Name;
  dialectValue: Name;
  options: [Name, { label: string; hint: string }][];
  change: (value: Name) => void;
  error: string | undefined;
}

function Choice<Name extends string>({ label, value, dialectValue, options, change, error }: ChoiceProps<Name>) {
  return (
    <Radio.Group label={label} value={value} onChange={(next) => change(next as Name)} error={error}>
      <div className={classes["options"]} style={{ marginTop: 8 }}>
        {options.map(([name, each]) => (
          <Radio
            key={name}
            value={name}
            label={
              <>
                {each.label}
                {name === dialectValue && <span className={classes["optionTag"]}>the dialect's default</span>}
              </>
            }
            description={each.hint}
          />
        ))}
      </div>
    </Radio.Group>
  );
}

export function OrderingFields({ values, set, issue }: FieldsProps) {
  const dialect = DIALECTS[values.dialect];
  const ordering = values.ordering ?? dialect.ordering;
  return (
    <>
      <Choice
        label="Ordering"
        value={ordering}
        dialectValue={dialect.ordering}
        options={Object.entries(ORDERINGS) as [Ordering, (typeof ORDERINGS)[Ordering]][]}
        change={(next) => set({ ordering: next })}
        error={issue("ordering")}
      />
      {ordering === "NONE" && (
        <NumberInput
          label="At once"
          description="How many requests may be in flight to this receiver"
          min={1}
          max={100}
          value={values.concurrency ?? ""}
          placeholder="as the dialect says"
          error={issue("concurrency")}
          onChange={(value) => set({ concurrency: value === "" ? null : Number(value) })}
        />
      )}
    </>
  );
}

export function RetryFields({ values, set, issue }: FieldsProps) {
  const dialect = DIALECTS[values.dialect];
  return (
    <>
      <div>
        <Switch
          label="A retry schedule of its own"
          checked={values.retrySchedule !== null}
          onChange={(event) => set({ retrySchedule: event.currentTarget.checked ? dialect.waits.map(String) : null })}
        />
        {values.retrySchedule !== null && (
          <TagsInput
            mt={10}
            label="Waits in seconds"
            description="After the 1st, 2nd … failed attempt. None: one attempt only."
            value={values.retrySchedule}
            error={issue("retrySchedule")}
            acceptValueOnBlur
            splitChars={[",", " "]}
            allowDuplicates
            maxTags={20}
            onChange={(next) => set({ retrySchedule: next.filter((each) => /^\d+(\.\d+)?$/.test(each)) })}
          />
        )}
        <div style={{ marginTop: 10 }}>
          <Schedule waits={waitsOf(values)} />
        </div>
      </div>
      <Choice
        label="When every attempt has failed"
        value={values.onExhausted ?? dialect.onExhausted}
        dialectValue={dialect.onExhausted}
        options={(Object.entries(EXHAUSTIONS) as [OnExhausted, (typeof EXHAUSTIONS)[OnExhausted]][]).filter(
          ([name]) => name !== "REQUEUE" || values.dialect === "SUPEROFFICE",
        )}
        change={(next) => set({ onExhausted: next })}
        error={issue("onExhausted")}
      />
    </>
  );
}

export function LimitFields({ values, set, issue }: FieldsProps) {
  const dialect = DIALECTS[values.dialect];
  return (
    <>
      <div className={classes["pair"]}>
        <NumberInput
          label="Timeout"
          suffix=" ms"
          thousandSeparator=" "
          min={100}
          max={60_000}
          placeholder={`${dialect.timeoutMs} ms`}
          value={values.timeoutMs ?? ""}
          error={issue("timeoutMs")}
          onChange={(value) => set({ timeoutMs: value === "" ? null : Number(value) })}
        />
        <NumberInput
          label="Stop after errors in a row"
          min={1}
          placeholder={values.dialect === "SUPEROFFICE" ? String(SUPEROFFICE_ERRORS) : "never"}
          value={values.maxConsecutiveErrors ?? ""}
          error={issue("maxConsecutiveErrors")}
          onChange={(value) => set({ maxConsecutiveErrors: value === "" ? null : Number(value) })}
        />
      </div>
      {values.dialect === "SUPEROFFICE" && (
        <TextInput
          label="Mail when it stops by itself"
          type="email"
          value={values.errorsEmail}
          error={issue("errorsEmail")}
          onChange={(event) => set({ errorsEmail: event.currentTarget.value })}
        />
      )}
    </>
  );
}
