// biome-ignore-all lint/a11y/noStaticElementInteractions: for the pointer; the table below says the same
/** Attempts as bars and latency as lines over one time axis, and both as a table. Drawn by hand, loaded with a webhook's page alone. */
import { Button } from "@mantine/core";
import { useId, useState } from "react";
import { formatCount, formatDuration, formatMoment, formatPercent, plural } from "../components/format.ts";
import { ceiling } from "../components/scale.ts";
import { DataTable } from "../components/table.tsx";
import { zoned } from "../components/zone.ts";
import classes from "./figures-chart.module.css";
import { attemptsOf, type Slice, successOf } from "./figures-query.ts";

const WIDTH = 960;
const COUNTS_HEIGHT = 150;
const LATENCY_HEIGHT = 96;
/** Above the highest value. */
const ROOM = 6;
const clock = zoned({ hour: "2-digit", minute: "2-digit" });
const day = zoned({ day: "numeric", month: "short" });

/** Where there are answers side by side, a line through them; each alone is a line of its own. */
function runsOf(values: readonly (number | null)[]): { from: number; values: number[] }[] {
  const runs: { from: number; values: number[] }[] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const last = runs.at(-1);
    if (last && last.from + last.values.length === index) last.values.push(value);
    else runs.push({ from: index, values: [value] });
  }
  return runs;
}

interface PlotProps {
  slices: readonly Slice[];
  at: number | undefined;
  setAt: (at: number | undefined) => void;
}

function Axis({ most, format, unit }: { most: number; format: (value: number) => string; unit: string }) {
  return (
    <div className={classes["axis"]} aria-hidden>
      <span className="num">{format(most)}</span>
      <span className={classes["unit"]}>{unit}</span>
      <span className="num">0</span>
    </div>
  );
}

/** The bands that the pointer is over, and the one that it is at. */
function Bands({ slices, at, setAt, height }: PlotProps & { height: number }) {
  const step = WIDTH / slices.length;
  return slices.map((slice, index) => (
    <rect
      key={slice.at}
      className={classes["band"]}
      data-on={index === at || undefined}
      x={index * step}
      y="0"
      width={step}
      height={height}
      onPointerEnter={() => setAt(index)}
    />
  ));
}

function Counts({ slices, at, setAt }: PlotProps) {
  const most = ceiling(Math.max(4, ...slices.map(attemptsOf)));
  const step = WIDTH / slices.length;
  const scale = (value: number) => (value / most) * (COUNTS_HEIGHT - ROOM);
  const all = slices.reduce((sum, slice) => sum + attemptsOf(slice), 0);
  const failed = slices.reduce((sum, slice) => sum + slice.retried + slice.rejected, 0);
  return (
    <>
      <Axis most={most} format={formatCount} unit="attempts" />
      <svg
        viewBox={`0 0 ${WIDTH} ${COUNTS_HEIGHT}`}
        preserveAspectRatio="none"
        style={{ height: COUNTS_HEIGHT }}
        role="img"
        aria-label={`${plural(all, "attempt")} over time, ${formatCount(failed)} failed`}
      >
        <line x1="0" x2={WIDTH} y1={ROOM} y2={ROOM} className={classes["grid"]} />
        <line x1="0" x2={WIDTH} y1={COUNTS_HEIGHT} y2={COUNTS_HEIGHT} className={classes["grid"]} />
        <Bands slices={slices} at={at} setAt={setAt} height={COUNTS_HEIGHT} />
        {slices.map((slice, index) => {
          let top = COUNTS_HEIGHT;
          return (["delivered", "retried", "rejected"] as const).map((kind) => {
            const height = scale(slice[kind]);
            top -= height;
            return (
              height > 0 && (
                <rect
                  key={`${slice.at} ${kind}`}
                  className={classes[kind]}
                  x={(index + 0.12) * step}
                  y={top}
                  width={step * 0.76}
                  height={height}
                />
              )
            );
          });
        })}
      </svg>
    </>
  );
}

function Latency({ slices, at, setAt }: PlotProps) {
  const values = slices.flatMap(({ p50Ms, p99Ms }) => [p50Ms ?? 0, p99Ms ?? 0]);
  const most = ceiling(Math.max(10, ...values));
  const step = WIDTH / slices.length;
  const y = (value: number) => LATENCY_HEIGHT - (value / most) * (LATENCY_HEIGHT - ROOM);
  return (
    <>
      <Axis most={most} format={formatDuration} unit="latency" />
      <svg
        viewBox={`0 0 ${WIDTH} ${LATENCY_HEIGHT}`}
        preserveAspectRatio="none"
        style={{ height: LATENCY_HEIGHT }}
        role="img"
        aria-label={`How long answers took over time: at most ${formatDuration(Math.max(...values))}`}
      >
        <line x1="0" x2={WIDTH} y1={ROOM} y2={ROOM} className={classes["grid"]} />
        <line x1="0" x2={WIDTH} y1={LATENCY_HEIGHT} y2={LATENCY_HEIGHT} className={classes["grid"]} />
        <Bands slices={slices} at={at} setAt={setAt} height={LATENCY_HEIGHT} />
        {(["p99Ms", "p50Ms"] as const).map((kind) =>
          runsOf(slices.map((slice) => slice[kind])).map((run) => {
            const [first = 0] = run.values;
            // One answer alone is as wide as its slice: a line of one point is none.
            const points =
              run.values.length === 1
                ? `${run.from * step},${y(first)} ${(run.from + 1) * step},${y(first)}`
                : run.values.map((value, index) => `${(run.from + index + 0.5) * step},${y(value)}`).join(" ");
            return <polyline key={`${kind} ${run.from}`} className={classes[kind]} points={points} />;
          }),
        )}
      </svg>
    </>
  );
}

function Tip({ slice, place }: { slice: Slice; place: number }) {
  return (
    <div className={classes["tip"]} style={{ left: `${Math.min(84, Math.max(16, place * 100))}%` }}>
      <strong className="num">from {formatMoment(slice.at)}</strong>
      <span className="num">
        {formatCount(slice.delivered)} delivered · {formatCount(slice.retried)} retried · {formatCount(slice.rejected)} rejected
      </span>
      {slice.p50Ms !== null && slice.p99Ms !== null && (
        <span className="quiet num">
          p50 {formatDuration(slice.p50Ms)} · p99 {formatDuration(slice.p99Ms)}
        </span>
      )}
    </div>
  );
}

const KEYS = [
  ["delivered", "Delivered"],
  ["retried", "Failed, tried again"],
  ["rejected", "Failed for good"],
  ["p50Ms", "p50"],
  ["p99Ms", "p99"],
] as const;

function SlicesTable({ slices }: { slices: readonly Slice[] }) {
  const rows = slices.filter((slice) => attemptsOf(slice) > 0).reverse();
  const count = (value: number) => <span className="num">{formatCount(value)}</span>;
  const latency = (value: number | null) => <span className="num">{value === null ? "–" : formatDuration(value)}</span>;
  return (
    <DataTable
      label="Attempts over time"
      rows={rows}
      keyOf={(row) => row.at}
      columns={[
        { head: "From", cell: (row) => <time dateTime={row.at}>{formatMoment(row.at)}</time> },
        { head: "Delivered", align: "right", cell: (row) => count(row.delivered) },
        { head: "Tried again", align: "right", cell: (row) => count(row.retried) },
        { head: "For good", align: "right", cell: (row) => count(row.rejected) },
        { head: "Succeeded", align: "right", cell: (row) => <span className="num">{formatPercent(successOf(row) ?? 0)}</span> },
        { head: "p50", align: "right", cell: (row) => latency(row.p50Ms) },
        { head: "p99", align: "right", cell: (row) => latency(row.p99Ms) },
      ]}
    />
  );
}

/** @param long more than a day: the axis names days */
export function FiguresChart({ slices, long }: { slices: readonly Slice[]; long: boolean }) {
  const [at, setAt] = useState<number>();
  const [table, setTable] = useState(false);
  const id = useId();
  const shown = at === undefined ? undefined : slices[at];
  const time = (share: number) => {
    const slice = slices[Math.floor(slices.length * share)];
    return slice === undefined ? "" : (long ? day : clock)(new Date(slice.at));
  };
  return (
    <>
      <div className={classes["frame"]} onPointerLeave={() => setAt(undefined)}>
        <Counts slices={slices} at={at} setAt={setAt} />
        <Latency slices={slices} at={at} setAt={setAt} />
        <div className={classes["times"]} aria-hidden>
          {[0, 0.25, 0.5, 0.75].map((share) => (
            <span key={share} className="num">
              {time(share)}
            </span>
          ))}
          <span>now</span>
        </div>
        {shown && at !== undefined && (
          <div className={classes["over"]}>
            <Tip slice={shown} place={(at + 0.5) / slices.length} />
          </div>
        )}
      </div>
      <div className={classes["foot"]}>
        <ul className={classes["keys"]} aria-label="Key">
          {KEYS.map(([kind, word]) => (
            <li key={kind}>
              <span className={classes["swatch"]} data-kind={kind} aria-hidden />
              {word}
            </li>
          ))}
        </ul>
        <Button size="compact-xs" variant="subtle" aria-expanded={table} aria-controls={id} onClick={() => setTable(!table)}>
          {table ? "Hide the table" : "Show as a table"}
        </Button>
      </div>
      <div id={id} hidden={!table}>
        {table && <SlicesTable slices={slices} />}
      </div>
    </>
  );
}
