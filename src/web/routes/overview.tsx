import { Button } from "@mantine/core";
import { IconArrowRight, IconWebhook } from "@tabler/icons-react";
import { useRef } from "react";
import { Link, useSearchParams } from "react-router";
import { AddressChoice } from "../components/address-choice.tsx";
import { useNow } from "../components/clock.ts";
import { formatAgo, formatCapped, formatCount, formatDuration, formatPercent, plural } from "../components/format.ts";
import { Freshness, useIsFresh } from "../components/live.tsx";
import { Page, Section } from "../components/page.tsx";
import { Empty, Failed, LoadingRows, Partly } from "../components/states.tsx";
import { Tag } from "../components/tag.tsx";
import { useAllPages } from "../graphql/all-pages.ts";
import { useFresh } from "../graphql/fresh.ts";
import { NO_FILTER, type RequestState, toInput, writeFilter } from "../log/filter.ts";
import { Attention, failingOf } from "../overview/attention.tsx";
import { Bars } from "../overview/bars.tsx";
import { FiguresQuery, GoalStatesQuery, type OverviewData, OverviewQuery } from "../overview/documents.ts";
import { Why } from "../request/why.tsx";
import { useSession } from "../session.tsx";
import classes from "./overview.module.css";

const SPANS = [
  { value: "15", label: "15 min", buckets: 60, per: "15 s" },
  { value: "60", label: "1 h", buckets: 60, per: "minute" },
  { value: "1440", label: "24 h", buckets: 96, per: "15 min" },
] as const;

/** A figure, and a link to what it counts when there is a list of just that. */
function Figure({ to, value, label, tone }: { to?: string; value: string; label: string; tone?: "ok" | "warn" | "bad" }) {
  const inside = (
    <>
      <span className={`num ${classes["value"]}`}>{value}</span>
      <span className={classes["label"]}>
        {tone && <span className={classes["swatch"]} data-tone={tone} aria-hidden />}
        {label}
      </span>
    </>
  );
  return to === undefined ? (
    <div className={classes["figure"]}>{inside}</div>
  ) : (
    <Link to={to} className={classes["figure"] ?? ""}>
      {inside}
    </Link>
  );
}

/** How the requests of the last so many minutes stand now: each figure and its link have one filter. */
function Requests({ minutes, label, data }: { minutes: number; label: string; data: OverviewData }) {
  const range = useRef({ from: "", to: "" });
  const of = (state: RequestState) => ({ ...NO_FILTER, ...range.current, states: [state] });
  const shown = useRef(range.current);
  const figures = useFresh(
    FiguresQuery,
    () => {
      const now = Date.now();
      range.current = { from: new Date(now - minutes * 60_000).toISOString(), to: new Date(now).toISOString() };
      return { delivered: toInput(of("DELIVERED")), waiting: toInput(of("WAITING")), rejected: toInput(of("REJECTED")) };
    },
    String(minutes),
  );
  const fresh = useIsFresh(figures.at, figures.error);
  const last = useRef<number>(undefined);
  if (figures.at !== last.current) {
    last.current = figures.at;
    shown.current = range.current;
  }
  const counted = (each: { totalCount: number; totalCountCapped: boolean } | undefined) =>
    each ? formatCapped(each.totalCount, each.totalCountCapped) : "–";
  const to = (state: RequestState) => `/log?${writeFilter({ ...NO_FILTER, ...shown.current, states: [state] })}`;
  const { deliveryStatistics: statistics } = data;
  return (
    <Section
      title="Requests"
      hint={`Those made in the last ${label}, as they stand now.`}
      actions={!fresh && figures.at !== undefined && <Freshness at={figures.at} error={figures.error} />}
    >
      <div className={classes["figures"]}>
        <Figure to={to("DELIVERED")} value={counted(figures.data?.delivered)} label="Delivered" tone="ok" />
        <Figure to={to("WAITING")} value={counted(figures.data?.waiting)} label="Wait for a retry" tone="warn" />
        <Figure to={to("REJECTED")} value={counted(figures.data?.rejected)} label="Rejected" tone="bad" />
        <Figure value={statistics.p50Ms === null ? "–" : formatDuration(statistics.p50Ms)} label="Answer, half of them (p50)" />
        <Figure value={statistics.p99Ms === null ? "–" : formatDuration(statistics.p99Ms)} label="Answer, 99 of 100 (p99)" />
      </div>
    </Section>
  );
}

function WaitingLanes({ data }: { data: OverviewData }) {
  const now = useNow(1_000);
  const lanes = data.lanes.edges.map((edge) => edge.node);
  return (
    <Section
      title="Lanes that wait"
      actions={<Link to="/lanes?view=waiting">{data.lanes.pageInfo.hasNextPage ? "More" : "All of them"}</Link>}
    >
      {lanes.length === 0 ? (
        <p className="quiet">None.</p>
      ) : (
        <ul className={classes["list"]}>
          {lanes.map((lane) => (
            <li key={lane.id}>
              <Link className="plain clip" to={`/lanes?view=waiting&definition=${lane.webhookDefinition.id}`}>
                {lane.webhookDefinition.name} {lane.key && <span className="quiet mono">{lane.key}</span>}
              </Link>
              <span className="quiet num">{formatCount(lane.pendingCount)} behind</span>
              <span className="num">{lane.until === null ? "" : `next try ${formatAgo(lane.until, now)}`}</span>
              {lane.head && (
                <span className={classes["waitingWhy"]}>
                  <Why request={lane.head} />
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function FailingWebhooks({ data }: { data: OverviewData }) {
  const failing = failingOf(data);
  return (
    <Section title="Webhooks that fail" actions={<Link to="/webhooks">All webhooks</Link>}>
      {failing.length === 0 ? (
        <p className="quiet">None in this time.</p>
      ) : (
        <ul className={classes["list"]}>
          {failing.slice(0, 5).map(({ webhookDefinition: definition, failed, calls }) => (
            <li key={definition.id}>
              <Link className="plain clip" to={`/webhooks/${definition.id}`}>
                {definition.name}
              </Link>
              <span className="num">{formatPercent(failed / calls)} failed</span>
              <span className="quiet num">
                {formatCount(failed)} of {plural(calls, "attempt")}
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function GoalStates() {
  const { data: goals = [], whole, error, refresh } = useAllPages(GoalStatesQuery, (data) => data.goals);
  // A part of them would be counts that the page they lead to contradicts.
  if (!whole && goals.length > 0 && error)
    return (
      <Section title="Goals" actions={<Link to="/goals">All goals</Link>}>
        <Partly of={{ error }} retry={refresh} />
      </Section>
    );
  if (!whole || goals.length === 0) return null;
  return (
    <Section title="Goals" actions={<Link to="/goals">All goals</Link>}>
      <div className={classes["goals"]}>
        {(["GREEN", "AMBER", "RED", "NONE"] as const).map((status) => {
          const count = goals.filter((goal) => (goal.status ?? "NONE") === status).length;
          return (
            count > 0 && (
              <Link key={status} to={`/goals?status=${status}`} className={classes["goal"] ?? ""}>
                <span className={`num ${classes["goalCount"]}`}>{count}</span> <Tag kind="goal" state={status} />
              </Link>
            )
          );
        })}
      </div>
    </Section>
  );
}

export function Overview() {
  const { can } = useSession();
  const [query, setQuery] = useSearchParams();
  const span = SPANS.find((each) => each.value === query.get("span")) ?? SPANS[1];
  const minutes = Number(span.value);
  const { data, at, error, ask } = useFresh(
    OverviewQuery,
    () => ({ since: new Date(Date.now() - minutes * 60_000).toISOString(), buckets: span.buckets }),
    span.value,
  );
  const actions = (
    <>
      <Freshness at={at} error={error} />
      <AddressChoice
        size="xs"
        aria-label="Time span"
        value={span.value}
        data={SPANS.map(({ value, label }) => ({ value, label }))}
        onChange={(value) => setQuery(value === "60" ? {} : { span: value }, { replace: true })}
      />
    </>
  );
  if (!data) {
    return (
      <Page title="Overview">{error !== undefined ? <Failed error={error} retry={() => void ask()} /> : <LoadingRows rows={9} />}</Page>
    );
  }
  if (data.any.edges.length === 0) {
    return (
      <Page title="Overview">
        <Empty
          icon={IconWebhook}
          title="Welcome to Hookline"
          action={
            can("webhooks:write") && (
              <Button component={Link} to="/webhooks?new" rightSection={<IconArrowRight size={16} />}>
                Set up the first webhook
              </Button>
            )
          }
        >
          Three steps: set up a webhook, send it a test, and watch the delivery arrive in the log.
        </Empty>
        <GoalStates />
      </Page>
    );
  }
  return (
    <Page title="Overview" actions={actions}>
      <Attention data={data} at={at} error={error} label={span.label} />
      {error !== undefined && <p className="quiet">Not renewed: {error}</p>}
      <Requests minutes={minutes} label={span.label} data={data} />
      <Section title="Attempts" hint={`Per ${span.per}, by when they were made: retries and tests are among them.`}>
        <Bars buckets={data.deliveryStatistics.buckets} />
      </Section>
      <div className={classes["columns"]}>
        <WaitingLanes data={data} />
        <FailingWebhooks data={data} />
      </div>
      <GoalStates />
    </Page>
  );
}
