import { useNow } from "./clock.ts";
import { formatAgo, formatMoment, formatShort } from "./format.ts";
import { useZone } from "./zone.ts";

/** How long ago; the exact moment on hover. */
export function Ago({ at, fallback = "never" }: { at: string | null | undefined; fallback?: string }) {
  const now = useNow(10_000);
  useZone();
  if (!at) return <span className="quiet">{fallback}</span>;
  return (
    <time className="num" dateTime={at} title={formatMoment(at)}>
      {formatAgo(at, Math.max(now, Date.now()))}
    </time>
  );
}

/** The clock time with its zone, and the day when it was not today; how long ago on hover. */
export function Moment({ at }: { at: string }) {
  const now = Date.now();
  useZone();
  return (
    <time className="num" dateTime={at} title={`${formatAgo(at, now)} · ${formatMoment(at)}`}>
      {formatShort(at, now)}
    </time>
  );
}
