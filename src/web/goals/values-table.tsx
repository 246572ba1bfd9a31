/** Every digit of what the chart shows, and what is done with one value. */
import { Button, Menu } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useState } from "react";
import { ActionButton } from "../components/action-button.tsx";
import { formatDay, formatDecimal } from "../components/format.ts";
import { Confirm } from "../components/panel.tsx";
import { type Column, DataTable } from "../components/table.tsx";
import { Tag } from "../components/tag.tsx";
import { tellWithUndo } from "../components/undo.tsx";
import { useAct } from "../graphql/act.ts";
import { DeleteValue, type Goal, type GoalValue, RecordValue } from "./documents.ts";
import { recordInput } from "./editor.tsx";
import { gapToGreen } from "./gap.ts";

/** Each has a menu and a question of its own: more of them are shown when they are asked for. */
const ROWS = 100;

const orDash = (threshold: string | null) => (threshold === null ? "–" : formatDecimal(threshold));

const columns = (goal: Goal): Column<GoalValue>[] => [
  { head: "Date", cell: (value) => <span className="num">{formatDay(value.date)}</span> },
  { head: "Value", align: "right", cell: (value) => <span className="num">{formatDecimal(value.value)}</span> },
  { head: "To green", align: "right", cell: (value) => <span className="quiet num">{gapToGreen(goal, value) ?? "–"}</span> },
  {
    head: "Thresholds sent with it",
    align: "right",
    cell: ({ goodThreshold, badThreshold }) => (
      <span className="quiet num">
        {goodThreshold === null && badThreshold === null ? "–" : `${orDash(goodThreshold)} / ${orDash(badThreshold)}`}
      </span>
    ),
  },
  { head: "Status", align: "right", width: 150, cell: (value) => <Tag kind="goal" state={value.status ?? "NONE"} /> },
];

interface ValuesProps {
  goal: Goal;
  values: GoalValue[];
  /** Undefined: the values are only read. */
  edit: ((value: GoalValue) => void) | undefined;
  changed: () => void;
}

export function ValuesTable({ goal, values, edit, changed }: ValuesProps) {
  const { act } = useAct();
  const [rows, setRows] = useState(ROWS);
  async function remove(value: GoalValue) {
    if (!(await act(DeleteValue, { input: { id: value.id } }))) return;
    changed();
    const day = formatDay(value.date);
    tellWithUndo(`The value of ${day} is deleted`, async () => {
      if (await act(RecordValue, { input: recordInput(goal.id, value) }, `The value of ${day} is back`)) changed();
    });
  }
  const actions: Column<GoalValue> = {
    head: "",
    label: "Actions",
    align: "right",
    width: 44,
    cell: (value) => (
      <Confirm
        title={`Delete the value of ${formatDay(value.date)}?`}
        confirmLabel="Delete value"
        confirm={() => remove(value)}
        button={(open) => (
          <Menu position="bottom-end" width={150}>
            <Menu.Target>
              <ActionButton label={`Actions of ${formatDay(value.date)}`} icon={IconDots} />
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => edit?.(value)}>Edit</Menu.Item>
              <Menu.Item color="red" onClick={open}>
                Delete…
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      >
        It is taken out of the goal. When it is the latest, the goal gets the status of the one before.
      </Confirm>
    ),
  };
  return (
    <>
      <DataTable
        label="Values, newest first"
        rows={values.slice(0, rows)}
        keyOf={(value) => value.id}
        columns={edit ? [...columns(goal), actions] : columns(goal)}
      />
      {values.length > rows && (
        <Button variant="default" mt="md" onClick={() => setRows(rows + ROWS)}>
          Older
        </Button>
      )}
    </>
  );
}
