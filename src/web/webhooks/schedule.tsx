/** The retry schedule as a picture: when each attempt comes, on a scale where seconds and days both can be seen. */
import { formatSeconds, plural } from "../components/format.ts";
import classes from "./schedule.module.css";

const WIDTH = 460;
const place = (seconds: number, last: number) => (last === 0 ? 0 : (Math.log1p(seconds) / Math.log1p(last)) * (WIDTH - 24)) + 12;

export function Schedule({ waits }: { waits: readonly number[] }) {
  const times = [0];
  for (const wait of waits) times.push((times.at(-1) ?? 0) + wait);
  const last = times.at(-1) ?? 0;
  const words =
    waits.length === 0
      ? "One attempt, no retries."
      : `${plural(times.length, "attempt")} over ${last === 0 ? "an instant" : formatSeconds(last)}; waits: ${waits.map(formatSeconds).join(", ")}.`;
  let labelled = -100;
  return (
    <figure className={classes["figure"]}>
      <svg viewBox={`0 0 ${WIDTH} 44`} role="img" aria-label={words}>
        <line x1="12" x2={WIDTH - 12} y1="14" y2="14" className={classes["axis"]} />
        {times.map((time, index) => {
          const x = place(time, last);
          const label = x - labelled > 46 || index === 0;
          if (label) labelled = x;
          return (
            // biome-ignore lint/suspicious/noArrayIndexKey: two attempts may fall on one moment
            <g key={index}>
              <circle cx={x} cy="14" r={index === 0 ? 5 : 4} className={index === 0 ? classes["first"] : classes["retry"]} />
              {label && (
                <text x={x} y="36" textAnchor={index === 0 ? "start" : x > WIDTH - 40 ? "end" : "middle"} dx={index === 0 ? -6 : 0}>
                  {index === 0 ? "at once" : formatSeconds(time)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <figcaption>{words}</figcaption>
    </figure>
  );
}
