import { useNow } from "./clock.ts";
import { formatAgo, formatMoment, formatShort } from "./format.ts";

/** How long ago; the exact moment on hover. */
export function Ago({ at, fallback = "never" }: { at: string | null | undefined; fallback?: string }) {
  const now = useNow(10_000);
  if (!at) return <span className="quiet">{fallback}</span>;
  return (
    <time className="num" dateTime={at} title={formatMoment(at)}>
      {formatAgo(at, Math.max(now, Date.now()))}
    </time>
  );
}

/** The clock time, with the day when it was not today. */
export function Moment({ at }: { at: string }) {
  return (
    <time className="num" dateTime={at} title={formatMoment(at)}>
      {formatShort(at, Date.now())}
    </time>
  );
}
