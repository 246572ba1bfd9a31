import { SegmentedControl, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { blank, useForm } from "../components/form.ts";
import { formatDay } from "../components/format.ts";
import { FormPanel } from "../components/panel.tsx";
import { tellWithUndo } from "../components/undo.tsx";
import { tell, useAct } from "../graphql/act.ts";
import { useReadNow } from "../graphql/read-now.ts";
import { CreateGoal, type Goal, GoalNow, type GoalValue, RecordValue, UpdateGoal } from "./documents.ts";
import classes from "./editor.module.css";

interface Values {
  name: string;
  unit: string;
  direction: Goal["direction"];
  goodThreshold: string;
  badThreshold: string;
}
const empty = (): Values => ({ name: "", unit: "", direction: "MAXIMIZE", goodThreshold: "", badThreshold: "" });

const valuesOf = ({ name, unit, direction, goodThreshold, badThreshold }: Goal): Values => ({
  name,
  unit: unit ?? "",
  direction,
  goodThreshold: goodThreshold ?? "",
  badThreshold: badThreshold ?? "",
});
const inputOf = (values: Values) => ({
  name: values.name.trim(),
  direction: values.direction,
  unit: blank(values.unit),
  goodThreshold: blank(values.goodThreshold),
  badThreshold: blank(values.badThreshold),
});

interface EditorProps {
  /** "new", a goal to change, or undefined: closed. */
  goal: Goal | "new" | undefined;
  close: () => void;
  saved: (goal: Goal) => void;
}

export function GoalEditor({ goal, close, saved }: EditorProps) {
  const form = useForm(empty);
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (goal === "new") reset(empty());
    else if (goal) reset(valuesOf(goal), goal.updatedAt);
  }, [goal, reset]);
  const reload = useReadNow(GoalNow, ({ goal: now }) => (now ? { values: valuesOf(now), updatedAt: now.updatedAt } : undefined));

  async function submit() {
    const result =
      goal === "new"
        ? await form.save(CreateGoal, { input: inputOf(values) })
        : goal && (await form.update(UpdateGoal, { id: goal.id, toInput: inputOf, reload }));
    if (result) {
      tell(`${result.name} is saved`);
      saved(result);
    }
  }
  const more = values.direction === "MAXIMIZE";
  return (
    <FormPanel
      opened={goal !== undefined}
      close={close}
      title={goal === "new" ? "New goal" : "Edit goal"}
      submitLabel={goal === "new" ? "Create goal" : "Save"}
      submit={() => void submit()}
      form={form.form}
    >
      <TextInput
        label="Name"
        data-autofocus
        value={values.name}
        error={issue("name")}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <TextInput
        label="Unit"
        placeholder="EUR, %, tickets"
        value={values.unit}
        error={issue("unit")}
        onChange={(event) => set({ unit: event.currentTarget.value })}
      />
      <div>
        <p className={classes["label"]}>Direction</p>
        <SegmentedControl
          fullWidth
          aria-label="Direction"
          value={values.direction}
          onChange={(direction) => set({ direction: direction as Values["direction"] })}
          data={[
            { value: "MAXIMIZE", label: "More is better" },
            { value: "MINIMIZE", label: "Less is better" },
          ]}
        />
      </div>
      <div className={classes["pair"]}>
        <TextInput
          label="Green"
          description={more ? "from this value up" : "from this value down"}
          inputMode="decimal"
          value={values.goodThreshold}
          error={issue("goodThreshold")}
          onChange={(event) => set({ goodThreshold: event.currentTarget.value })}
        />
        <TextInput
          label="Red"
          description={more ? "from this value down" : "from this value up"}
          inputMode="decimal"
          value={values.badThreshold}
          error={issue("badThreshold")}
          onChange={(event) => set({ badThreshold: event.currentTarget.value })}
        />
      </div>
    </FormPanel>
  );
}

interface RecordProps {
  goal: Goal;
  /** "new", a value to change, or undefined: closed. */
  value: GoalValue | "new" | undefined;
  close: () => void;
  recorded: () => void;
}

/** As the API takes it: a value that is recorded again replaces the one of its date, thresholds and all. */
export const recordInput = (goalId: string, { date, value, goodThreshold, badThreshold }: Omit<GoalValue, "id" | "status">) => ({
  goalId,
  date,
  value,
  ...(goodThreshold === null ? {} : { goodThreshold }),
  ...(badThreshold === null ? {} : { badThreshold }),
});

export function RecordPanel({ goal, value: of, close, recorded }: RecordProps) {
  const today = new Date().toLocaleDateString("sv-SE");
  const form = useForm(() => ({ date: today, value: "", goodThreshold: "", badThreshold: "" }));
  const { values, set, issue, reset } = form;
  const { act } = useAct();
  useEffect(() => {
    if (of === "new") reset({ date: today, value: "", goodThreshold: "", badThreshold: "" });
    else if (of) reset({ date: of.date, value: of.value, goodThreshold: of.goodThreshold ?? "", badThreshold: of.badThreshold ?? "" });
  }, [of, reset, today]);
  const former = of === "new" ? undefined : of;

  async function submit() {
    const { date, value, goodThreshold, badThreshold } = values;
    const sent = { date, value: value.trim(), goodThreshold: blank(goodThreshold), badThreshold: blank(badThreshold) };
    if (!(await form.save(RecordValue, { input: recordInput(goal.id, sent) }))) return;
    recorded();
    if (!former) return tell("The value is recorded");
    tellWithUndo(`The value of ${formatDay(date)} is changed`, async () => {
      if (await act(RecordValue, { input: recordInput(goal.id, former) }, `The value of ${formatDay(date)} is as before`)) recorded();
    });
  }
  return (
    <FormPanel
      opened={of !== undefined}
      close={close}
      title={former ? `Edit the value of ${formatDay(former.date)}` : `Record a value of ${goal.name}`}
      submitLabel={former ? "Save" : "Record"}
      form={form.form}
      submit={() => void submit()}
    >
      <div className={classes["pair"]}>
        <TextInput
          label="Date"
          type="date"
          value={values.date}
          disabled={former !== undefined}
          error={issue("date")}
          onChange={(event) => set({ date: event.currentTarget.value })}
        />
        <TextInput
          label={goal.unit === null ? "Value" : `Value (${goal.unit})`}
          data-autofocus
          inputMode="decimal"
          value={values.value}
          error={issue("value")}
          onChange={(event) => set({ value: event.currentTarget.value })}
        />
      </div>
      <p className={classes["hint"]}>
        {former ? "It is judged anew, by the thresholds of now." : "There is one value per date: recording a date again replaces it."}
      </p>
      <div className={classes["pair"]}>
        <TextInput
          label="Green, for this value only"
          placeholder={goal.goodThreshold ?? "none"}
          inputMode="decimal"
          value={values.goodThreshold}
          error={issue("goodThreshold")}
          onChange={(event) => set({ goodThreshold: event.currentTarget.value })}
        />
        <TextInput
          label="Red, for this value only"
          placeholder={goal.badThreshold ?? "none"}
          inputMode="decimal"
          value={values.badThreshold}
          error={issue("badThreshold")}
          onChange={(event) => set({ badThreshold: event.currentTarget.value })}
        />
      </div>
    </FormPanel>
  );
}
