import { Button, SegmentedControl, Skeleton } from "@mantine/core";
import { IconDots, IconPencil, IconPlus, IconTargetOff, IconTrash } from "@tabler/icons-react";
import { lazy, Suspense, useCallback, useMemo, useRef, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { ActionButton } from "../components/action-button.tsx";
import { formatDay, formatDecimal } from "../components/format.ts";
import { Facts, Page, Section } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { Empty, Failed, LoadingRows, Partly } from "../components/states.tsx";
import { Tag } from "../components/tag.tsx";
import { DeleteGoal, type Goal as GoalData, GoalQuery, type GoalValue } from "../goals/documents.ts";
import { GoalEditor, RecordPanel } from "../goals/editor.tsx";
import { gapToGreen } from "../goals/gap.ts";
import { useRecorded } from "../goals/live.ts";
import { ValuesTable } from "../goals/values-table.tsx";
import { useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { InboundList } from "../inbound/list.tsx";
import { useSession } from "../session.tsx";
import { thresholds } from "./goals.tsx";

const GoalChart = lazy(() => import("../goals/chart.tsx").then((module) => ({ default: module.GoalChart })));

const SPANS = [
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "A year" },
  { value: "all", label: "All" },
];
/** Of a hundred values each: five years of daily ones, and what a chart can still show. */
const MOST_PAGES = 20;
const daysAgo = (days: string): string | null =>
  days === "all" ? null : new Date(Date.now() - Number(days) * 86_400_000).toISOString().slice(0, 10);

export function Goal() {
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const { can, viewer } = useSession();
  const { act } = useAct();
  const [span, setSpan] = useState("90");
  const from = useMemo(() => daysAgo(span), [span]);
  const list = useAllPages(GoalQuery, ({ goal: one }) => one?.values, { variables: { id, from }, mostPages: MOST_PAGES });
  const { first: data, error } = list;
  const [editing, setEditing] = useState<GoalData>();
  const [recording, setRecording] = useState<GoalValue | "new">();
  const again = useRef(list.refresh);
  again.current = list.refresh;
  const refresh = useCallback(() => again.current(), []);
  useRecorded(id, refresh);

  const goal = data?.goal;
  const back = { to: "/goals", label: "Goals" };
  if (error && !data) return <Failed error={error} retry={refresh} />;
  if (!data) {
    return (
      <Page title="Goal" back={back}>
        <LoadingRows />
      </Page>
    );
  }
  if (!goal) {
    return (
      <Page title="Goal" back={back}>
        <Empty icon={IconTargetOff} title="There is no such goal">
          It may have been deleted.
        </Empty>
      </Page>
    );
  }
  const values = list.data ?? [];
  const latest = values[0];
  return (
    <Page
      name={goal.name}
      back={back}
      title={
        <>
          {goal.name} <Tag kind="goal" state={goal.status ?? "NONE"} />
        </>
      }
      actions={
        can("goals:write") && (
          <>
            <Button leftSection={<IconPlus size={16} />} onClick={() => setRecording("new")}>
              Record a value
            </Button>
            <Button variant="default" leftSection={<IconPencil size={15} />} onClick={() => setEditing(goal)}>
              Edit
            </Button>
            <Confirm
              title={`Delete ${goal.name}?`}
              confirmLabel="Delete goal"
              button={(open) => <ActionButton label="Delete goal" icon={IconTrash} size="lg" onClick={open} />}
              confirm={async () => {
                if (await act(DeleteGoal, { input: { id } }, `${goal.name} is deleted`)) navigate("/goals");
              }}
            >
              Its inbound webhooks answer 410 Gone from then on.
            </Confirm>
          </>
        )
      }
    >
      <Facts
        facts={[
          [
            "Latest value",
            latest ? (
              <span key="latest">
                <span className="num">{formatDecimal(latest.value)}</span> {goal.unit}{" "}
                <span className="quiet">on {formatDay(latest.date)}</span>
              </span>
            ) : null,
          ],
          ["To green", (latest && gapToGreen(goal, latest)) ?? null],
          ["Direction", goal.direction === "MAXIMIZE" ? "More is better" : "Less is better"],
          ["Thresholds", thresholds(goal) || null],
        ]}
      />
      <Section title="Values" actions={<SegmentedControl size="xs" aria-label="Time span" value={span} onChange={setSpan} data={SPANS} />}>
        <Partly of={list} retry={refresh} />
        {values.length === 0 ? (
          <Empty icon={IconDots} title={span === "all" ? "No values yet" : "No values in this span"}>
            Record one by hand, or let another system post them to an inbound webhook.
          </Empty>
        ) : (
          <>
            <Suspense fallback={<Skeleton height={300} />}>
              <GoalChart goal={goal} values={values} />
            </Suspense>
            <div style={{ height: 14 }} />
            <ValuesTable goal={goal} values={values} edit={can("goals:write") ? setRecording : undefined} changed={refresh} />
          </>
        )}
      </Section>
      {viewer.role === "ADMIN" && (
        <Section title="Inbound webhooks" hint="Secret URLs to which other systems post values of this goal.">
          <InboundList goalId={goal.id} />
        </Section>
      )}
      <GoalEditor
        goal={editing}
        close={() => setEditing(undefined)}
        saved={() => {
          setEditing(undefined);
          refresh();
        }}
      />
      <RecordPanel
        goal={goal}
        value={recording}
        close={() => setRecording(undefined)}
        recorded={() => {
          setRecording(undefined);
          refresh();
        }}
      />
    </Page>
  );
}
