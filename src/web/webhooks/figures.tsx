/** Success, failures and latency of one webhook over the time that the address names. */
import { Skeleton } from "@mantine/core";
import { lazy, Suspense } from "react";
import { useSearchParams } from "react-router";
import { AddressChoice } from "../components/address-choice.tsx";
import { formatCount, formatDuration, formatPercent } from "../components/format.ts";
import { Freshness } from "../components/live.tsx";
import { Section } from "../components/page.tsx";
import { Failed } from "../components/states.tsx";
import { useFresh } from "../graphql/fresh.ts";
import classes from "./figures.module.css";
import { attemptsOf, RANGES, rangeOf, successOf, WebhookFiguresQuery } from "./figures-query.ts";

const FiguresChart = lazy(async () => ({ default: (await import("./figures-chart.tsx")).FiguresChart }));

function Figure({ value, label, note, tone }: { value: string; label: string; note?: string; tone?: "bad" | "warn" }) {
  return (
    <div className={classes["figure"]}>
      <dt>{label}</dt>
      <dd>
        <span className={`num ${classes["value"]}`} data-tone={tone}>
          {value}
        </span>
        {note !== undefined && <span className={`num ${classes["note"]}`}>{note}</span>}
      </dd>
    </div>
  );
}

/** `12 a minute`, `3 an hour`: the unit in which the number is at least one. */
function perTime(count: number, milliseconds: number): string {
  const minutes = milliseconds / 60_000;
  const [rate, unit] = count >= minutes ? [count / minutes, "a minute"] : [(count * 60) / minutes, "an hour"];
  return `${rate >= 10 ? formatCount(Math.round(rate)) : Number(rate.toFixed(1))} ${unit}`;
}

const latency = (milliseconds: number | null): string => (milliseconds === null ? "–" : formatDuration(milliseconds));

export function Figures({ id }: { id: string }) {
  const [query, setQuery] = useSearchParams();
  const range = rangeOf(query);
  const { data, at, error, ask } = useFresh(
    WebhookFiguresQuery,
    () => ({ id, since: new Date(Date.now() - range.milliseconds).toISOString(), buckets: range.buckets }),
    `${id} ${range.value}`,
  );
  const choose = (value: string) =>
    setQuery(
      (last) => {
        const next = new URLSearchParams(last);
        next.set("range", value);
        return next;
      },
      { replace: true },
    );
  const statistics = data?.deliveryStatistics;
  const attempts = statistics ? attemptsOf(statistics) : 0;
  const success = statistics ? successOf(statistics) : null;
  const failed = statistics ? statistics.retried + statistics.rejected : 0;
  return (
    <Section
      title="Attempts"
      hint={`By when they were made, per ${range.per}; retries and tests are among them.`}
      actions={
        <>
          {at !== undefined && error !== undefined && <Freshness at={at} error={error} />}
          <AddressChoice
            size="xs"
            aria-label="Time span"
            value={range.value}
            data={RANGES.map(({ value, label }) => ({ value, label }))}
            onChange={choose}
          />
        </>
      }
    >
      {!statistics && error !== undefined && <Failed error={error} retry={() => void ask()} />}
      {!statistics && error === undefined && <Skeleton height={420} role="status" aria-label="Loading" />}
      {statistics && (
        <>
          <dl className={classes["figures"]}>
            <Figure
              label="Succeeded"
              value={success === null ? "–" : formatPercent(success)}
              {...(success !== null && success < 0.9 && { tone: "bad" })}
            />
            <Figure label="Attempts" value={formatCount(attempts)} {...(attempts > 0 && { note: perTime(attempts, range.milliseconds) })} />
            <Figure
              label="Failed"
              value={formatCount(failed)}
              {...(failed > 0 && { note: `${formatCount(statistics.rejected)} for good` })}
              {...(failed > 0 && { tone: statistics.rejected > 0 ? "bad" : "warn" })}
            />
            <Figure label="Answer, half of them (p50)" value={latency(statistics.p50Ms)} />
            <Figure label="Answer, 99 of 100 (p99)" value={latency(statistics.p99Ms)} />
          </dl>
          {attempts === 0 ? (
            <p className="quiet">None in the last {range.label}.</p>
          ) : (
            <Suspense fallback={<Skeleton height={320} role="status" aria-label="Loading" />}>
              <FiguresChart slices={statistics.buckets} long={range.milliseconds > 24 * 3_600_000} />
            </Suspense>
          )}
        </>
      )}
    </Section>
  );
}
