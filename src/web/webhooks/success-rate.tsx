import { formatCount, formatPercent } from "../components/format.ts";
import classes from "./success-rate.module.css";

/** The share of calls that succeeded, as a number and a bar. */
export function SuccessRate({ calls, errors }: { calls: number; errors: number }) {
  if (calls === 0) return <span className="quiet">–</span>;
  const share = (calls - errors) / calls;
  return (
    <span className={classes["rate"]} title={`${formatCount(calls - errors)} of ${formatCount(calls)} calls succeeded`}>
      <span className="num">{formatPercent(share)}</span>
      <span className={classes["track"]} aria-hidden>
        <span className={classes["bar"]} data-bad={share < 0.9 || undefined} style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  );
}
