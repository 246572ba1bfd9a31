/** The values of a goal with its thresholds. Loaded only with a goal's page: the chart library is heavier than the rest of the page. */
import "@mantine/charts/styles.css";
import { LineChart } from "@mantine/charts";
import { formatDay, formatDecimal } from "../components/format.ts";
import type { Goal, GoalValue } from "./documents.ts";

const COLORS = { GREEN: "var(--ok-fill)", AMBER: "var(--warn-fill)", RED: "var(--bad-fill)" } as const;

interface Point {
  date: string;
  value: number;
  status: GoalValue["status"];
}

/** A dot's shape says the status as well as its colour does: round, diamond, square. */
function Dot({ cx, cy, payload }: { cx?: number; cy?: number; payload?: Point }) {
  if (cx === undefined || cy === undefined) return <g />;
  const status = payload?.status ?? null;
  const fill = status === null ? "var(--mute)" : COLORS[status];
  if (status === "RED") return <rect x={cx - 4} y={cy - 4} width="8" height="8" fill={fill} stroke="var(--page)" />;
  if (status === "AMBER")
    return <path d={`M${cx} ${cy - 5.5}L${cx + 5.5} ${cy}L${cx} ${cy + 5.5}L${cx - 5.5} ${cy}Z`} fill={fill} stroke="var(--page)" />;
  return <circle cx={cx} cy={cy} r="4.5" fill={fill} stroke="var(--page)" />;
}

export default function GoalChart({ goal, values }: { goal: Goal; values: GoalValue[] }) {
  // Doubles are good enough to draw with; the table below shows every digit.
  const points: Point[] = values
    .map((each) => ({ date: each.date, value: Number(each.value), status: each.status }))
    .sort((a, b) => a.date.localeCompare(b.date));
  const lines = [
    goal.goodThreshold !== null && {
      y: Number(goal.goodThreshold),
      label: `${goal.direction === "MAXIMIZE" ? "≥" : "≤"} ${formatDecimal(goal.goodThreshold)} green`,
      color: "var(--ok)",
      labelPosition: "insideTopLeft" as const,
    },
    goal.badThreshold !== null && {
      y: Number(goal.badThreshold),
      label: `${goal.direction === "MAXIMIZE" ? "≤" : "≥"} ${formatDecimal(goal.badThreshold)} red`,
      color: "var(--bad)",
      labelPosition: "insideBottomLeft" as const,
    },
  ].filter((line) => line !== false);
  const all = [...points.map((point) => point.value), ...lines.map((line) => line.y)];
  const low = Math.min(...all);
  const high = Math.max(...all);
  const room = (high - low || Math.abs(high) || 1) * 0.12;
  return (
    <LineChart
      h={300}
      data={points}
      dataKey="date"
      series={[{ name: "value", label: goal.unit ?? "Value", color: "var(--accent)" }]}
      curveType="linear"
      strokeWidth={2}
      gridAxis="y"
      tickLine="none"
      withDots
      dotProps={{ r: 4 }}
      lineProps={{ dot: <Dot />, isAnimationActive: false }}
      referenceLines={lines}
      yAxisProps={{
        domain: [low - room, high + room],
        width: 70,
        tickFormatter: (value: number) => new Intl.NumberFormat("en", { notation: "compact" }).format(value),
      }}
      xAxisProps={{
        tickFormatter: (date: string) => formatDay(date).replace(/ \d{4}$/, ""),
        minTickGap: 30,
        padding: { left: 10, right: 10 },
      }}
      valueFormatter={(value) => formatDecimal(String(value))}
    />
  );
}
