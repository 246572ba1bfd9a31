import { Button } from "@mantine/core";
import { IconDeviceTv, IconPlus, IconTargetArrow } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { formatDay, formatDecimal } from "../components/format.ts";
import { Page } from "../components/page.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Tag } from "../components/tag.tsx";
import { type Goal, GoalsQuery } from "../goals/documents.ts";
import { GoalEditor } from "../goals/editor.tsx";
import { gapToGreen } from "../goals/gap.ts";
import { useRecorded } from "../goals/live.ts";
import { Spark } from "../goals/spark.tsx";
import { useAllPages } from "../graphql/all-pages.ts";
import { useSession } from "../session.tsx";

export function thresholds(goal: Goal): string {
  const [up, down] = goal.direction === "MAXIMIZE" ? ["≥", "≤"] : ["≤", "≥"];
  return [
    goal.goodThreshold !== null && `green ${up} ${formatDecimal(goal.goodThreshold)}`,
    goal.badThreshold !== null && `red ${down} ${formatDecimal(goal.badThreshold)}`,
  ]
    .filter(Boolean)
    .join(", ");
}

export function Goals() {
  const { can } = useSession();
  const navigate = useNavigate();
  const [query, setQuery] = useSearchParams();
  const [editing, setEditing] = useState<Goal | "new">();
  const list = useAllPages(GoalsQuery, (data) => data.goals);
  const refresh = useRef(list.refresh);
  refresh.current = list.refresh;
  const [changed] = useState(() => () => refresh.current());
  useRecorded(undefined, changed);
  const status = query.get("status");
  const writes = can("goals:write");

  return (
    <Page
      title="Goals"
      hint="What is measured. Values come by an inbound webhook, by the API or by hand."
      actions={
        <>
          {(list.data?.length ?? 0) > 0 && (
            <Button component={Link} to="/goals/wall" variant="default" leftSection={<IconDeviceTv size={16} />}>
              Wall
            </Button>
          )}
          {writes && (
            <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
              New goal
            </Button>
          )}
        </>
      }
    >
      <Loaded of={list} retry={list.refresh}>
        {(all) => {
          const rows = status === null ? all : all.filter((goal) => (goal.status ?? "NONE") === status);
          if (all.length === 0) {
            return (
              <Empty
                icon={IconTargetArrow}
                title="No goals yet"
                action={writes && <Button onClick={() => setEditing("new")}>New goal</Button>}
              >
                A goal has dated values and two thresholds; an inbound webhook lets another system record them.
              </Empty>
            );
          }
          return (
            <>
              {status !== null && (
                <Button size="xs" variant="default" mb="sm" onClick={() => setQuery({})}>
                  Show all goals
                </Button>
              )}
              <DataTable
                label="Goals"
                rows={rows}
                keyOf={(goal) => goal.id}
                open={(goal) => navigate(`/goals/${goal.id}`)}
                columns={[
                  {
                    head: "Name",
                    label: "",
                    cell: (goal) => (
                      <Link className="plain" to={`/goals/${goal.id}`}>
                        <strong style={{ fontWeight: 580 }}>{goal.name}</strong>
                      </Link>
                    ),
                  },
                  { head: "Status", width: 130, cell: (goal) => <Tag kind="goal" state={goal.status ?? "NONE"} /> },
                  {
                    head: "Latest value",
                    cell: (goal) => {
                      const latest = goal.values.edges[0]?.node;
                      return latest ? (
                        <span>
                          <span className="num">{formatDecimal(latest.value)}</span> {goal.unit}{" "}
                          <span className="quiet">on {formatDay(latest.date)}</span>
                        </span>
                      ) : (
                        <span className="quiet">no values yet</span>
                      );
                    },
                  },
                  {
                    head: "To green",
                    cell: (goal) => {
                      const latest = goal.values.edges[0]?.node;
                      return <span className="num">{(latest && gapToGreen(goal, latest)) ?? <span className="quiet">–</span>}</span>;
                    },
                  },
                  { head: "Thresholds", cell: (goal) => <span className="quiet num">{thresholds(goal) || "none"}</span> },
                  {
                    head: "",
                    label: "Course",
                    width: 130,
                    wideOnly: true,
                    cell: (goal) => <Spark values={goal.values.edges.map((edge) => edge.node)} />,
                  },
                ]}
              />
            </>
          );
        }}
      </Loaded>
      <GoalEditor
        goal={editing}
        close={() => setEditing(undefined)}
        saved={(goal) => {
          setEditing(undefined);
          list.refresh();
          navigate(`/goals/${goal.id}`);
        }}
      />
    </Page>
  );
}
