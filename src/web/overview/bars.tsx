// biome-ignore-all lint/a11y/noStaticElementInteractions: for the pointer; the same figures are links beside the chart
/** Deliveries over time as stacked bars. Drawn by hand: the chart library would be heavier than the whole page. */
import { useState } from "react";
import { formatCount, formatDuration, formatMinute, plural } from "../components/format.ts";
import { ceiling } from "../components/scale.ts";
import classes from "./bars.module.css";
import type { Bucket } from "./documents.ts";

const WIDTH = 960;
const HEIGHT = 180;
const total = (bucket: Bucket) => bucket.delivered + bucket.retried + bucket.rejected;

export function Bars({ buckets }: { buckets: Bucket[] }) {
  const [at, setAt] = useState<number>();
  const most = ceiling(Math.max(4, ...buckets.map(total)));
  const step = WIDTH / buckets.length;
  const scale = (value: number) => (value / most) * (HEIGHT - 8);
  const shown = at === undefined ? undefined : buckets[at];
  const words = buckets.reduce((sum, bucket) => sum + total(bucket), 0);
  return (
    <div className={classes["frame"]}>
      <div className={classes["axis"]} aria-hidden>
        <span className="num">{formatCount(most)}</span>
        <span className="num">{formatCount(most / 2)}</span>
        <span className="num">0</span>
      </div>
      <div className={classes["plot"]}>
        <svg
          viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
          preserveAspectRatio="none"
          role="img"
          aria-label={`${plural(words, "attempt")} over time: delivered, retried, rejected`}
          onPointerLeave={() => setAt(undefined)}
        >
          <line x1="0" x2={WIDTH} y1="8" y2="8" className={classes["grid"]} />
          <line x1="0" x2={WIDTH} y1={HEIGHT / 2 + 4} y2={HEIGHT / 2 + 4} className={classes["grid"]} />
          <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className={classes["grid"]} />
          {buckets.map((bucket, index) => {
            const x = index * step + step * 0.12;
            const w = step * 0.76;
            const delivered = scale(bucket.delivered);
            const retried = scale(bucket.retried);
            const rejected = scale(bucket.rejected);
            return (
              <g key={bucket.at} onPointerEnter={() => setAt(index)} className={classes["bar"]} data-on={index === at || undefined}>
                <rect x={index * step} y="0" width={step} height={HEIGHT} fill="transparent" />
                <rect x={x} y={HEIGHT - delivered} width={w} height={delivered} className={classes["delivered"]} />
                <rect x={x} y={HEIGHT - delivered - retried} width={w} height={retried} className={classes["retried"]} />
                <rect x={x} y={HEIGHT - delivered - retried - rejected} width={w} height={rejected} className={classes["rejected"]} />
              </g>
            );
          })}
        </svg>
        <div className={classes["times"]} aria-hidden>
          {[0, 0.25, 0.5, 0.75].map((share) => {
            const bucket = buckets[Math.floor(buckets.length * share)];
            return (
              <span key={share} className="num">
                {bucket ? formatMinute(bucket.at) : ""}
              </span>
            );
          })}
          <span>now</span>
        </div>
        {shown && at !== undefined && (
          <div className={classes["tip"]} style={{ left: `${Math.min(88, Math.max(12, ((at + 0.5) / buckets.length) * 100))}%` }}>
            <strong className="num">{formatMinute(shown.at)}</strong>
            <span className="num">
              {formatCount(shown.delivered)} delivered · {formatCount(shown.retried)} retried · {formatCount(shown.rejected)} rejected
            </span>
            {shown.p50Ms !== null && shown.p99Ms !== null && (
              <span className="quiet num">
                p50 {formatDuration(shown.p50Ms)} · p99 {formatDuration(shown.p99Ms)}
              </span>
            )}
          </div>
        )}
      </div>
    </div>
  );
}
