/** The values of a goal with its thresholds. Loaded only with a goal's page: the chart library is heavier than the rest of the page. */
import "@mantine/charts/styles.css";
import { LineChart } from "@mantine/charts";
import { formatDay, formatDecimal } from "../components/format.ts";
import type { Goal, GoalValue } from "./documents.ts";

const COLORS = { GREEN: "var(--ok-fill)", AMBER: "var(--warn-fill)", RED: "var(--bad-fill)" } as const;

interface Point {
  /** Milliseconds of the day's start, UTC: as far apart in the picture as in time. */
  at: number;
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

/** 1, 2 or 5 times a power of ten, so that the axis shows round numbers. */
function niceStep(rough: number): number {
  const size = 10 ** Math.floor(Math.log10(rough));
  return (([1, 2, 5] as const).find((factor) => factor * size >= rough) ?? 10) * size;
}

const DAY_MS = 86_400_000;
const MOST_DAYS = 7;

/** Evenly spaced days from the first value's to the last one's, whether they have a value or not. */
export function dayTicks(at: readonly number[]): number[] {
  const first = Math.min(...at);
  const days = Math.round((Math.max(...at) - first) / DAY_MS);
  const step = Math.max(1, Math.ceil(days / MOST_DAYS));
  return Array.from({ length: Math.floor(days / step) + 1 }, (_, index) => first + index * step * DAY_MS);
}

const dayOf = (at: number): string => formatDay(new Date(at).toISOString().slice(0, 10));

export function GoalChart({ goal, values }: { goal: Goal; values: GoalValue[] }) {
  // Doubles are good enough to draw with; the table below shows every digit.
  const points: Point[] = values
    .map((each) => ({ at: Date.parse(each.date), value: Number(each.value), status: each.status }))
    .sort((a, b) => a.at - b.at);
  const days = dayTicks(points.map((point) => point.at));
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
  const step = niceStep((high - low || Math.abs(high) || 1) / 4);
  const bottom = Math.floor(low / step - 0.15) * step;
  const top = Math.ceil(high / step + 0.15) * step;
  const ticks = Array.from({ length: Math.round((top - bottom) / step) + 1 }, (_, index) => bottom + index * step);
  return (
    <LineChart
      h={300}
      data={points}
      dataKey="at"
      series={[{ name: "value", label: goal.unit ?? "Value", color: "var(--accent)" }]}
      curveType="linear"
      strokeWidth={2}
      gridAxis="x"
      tickLine="none"
      withDots
      dotProps={{ r: 4 }}
      lineProps={{ dot: <Dot />, isAnimationActive: false }}
      referenceLines={lines}
      yAxisProps={{
        domain: [bottom, top],
        ticks,
        width: 70,
        tickFormatter: (value: number) => new Intl.NumberFormat("en", { notation: "compact" }).format(value),
      }}
      xAxisProps={{
        type: "number",
        scale: "time",
        // One value alone stands in the middle.
        domain: points.length === 1 ? [(points[0]?.at ?? 0) - DAY_MS, (points[0]?.at ?? 0) + DAY_MS] : ["dataMin", "dataMax"],
        ticks: days,
        tickFormatter: (at: number) => dayOf(at).replace(/ \d{4}$/, ""),
        minTickGap: 30,
        padding: { left: 10, right: 10 },
      }}
      tooltipProps={{ labelFormatter: (at) => (typeof at === "number" ? dayOf(at) : "") }}
      valueFormatter={(value) => formatDecimal(String(value))}
    />
  );
}
