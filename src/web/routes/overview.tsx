import { Button, SegmentedControl } from "@mantine/core";
import { IconArrowRight, IconCircleCheck, IconHandStop, IconWebhook } from "@tabler/icons-react";
import { useCallback, useEffect, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { useClient, useQuery } from "urql";
import { useEvery, useNow } from "../components/clock.ts";
import { formatAgo, formatCount, formatDuration, formatPercent, plural } from "../components/format.ts";
import { Page, Section } from "../components/page.tsx";
import { Empty, Failed, LoadingRows } from "../components/states.tsx";
import { Tag } from "../components/tag.tsx";
import { explain } from "../graphql/client.ts";
import { Bars } from "../overview/bars.tsx";
import { GoalStatesQuery, type OverviewData, OverviewQuery } from "../overview/documents.ts";
import { useSession } from "../session.tsx";
import classes from "./overview.module.css";

const SPANS = [
  { value: "15", label: "15 min", buckets: 60, per: "15 s" },
  { value: "60", label: "1 h", buckets: 60, per: "minute" },
  { value: "1440", label: "24 h", buckets: 96, per: "15 min" },
] as const;

/** Renewed every few seconds while somebody looks; a failure keeps the last figures on screen. */
function useOverview(minutes: number, buckets: number) {
  const client = useClient();
  const [state, setState] = useState<{ data?: OverviewData; since: string; error?: string | undefined }>();
  const ask = useCallback(async () => {
    const since = new Date(Date.now() - minutes * 60_000).toISOString();
    const { data, error } = await client.query(OverviewQuery, { since, buckets }, { requestPolicy: "network-only" }).toPromise();
    setState((last) => (data ? { data, since } : { ...last, since, error: error ? explain(error) : "No answer" }));
  }, [client, minutes, buckets]);
  useEffect(() => void ask(), [ask]);
  useEvery(4_000, ask);
  return { state, ask };
}

function Figure({ to, value, label, tone }: { to: string; value: string; label: string; tone?: "ok" | "warn" | "bad" }) {
  return (
    <Link to={to} className={classes["figure"] ?? ""}>
      <span className={`num ${classes["value"]}`}>{value}</span>
      <span className={classes["label"]}>
        {tone && <span className={classes["swatch"]} data-tone={tone} aria-hidden />}
        {label}
      </span>
    </Link>
  );
}

/** What needs a person, before anything else on the page. */
function Attention({ data }: { data: OverviewData }) {
  const blocked = data.lanes.edges.map((edge) => edge.node).filter((lane) => lane.state === "BLOCKED");
  const stopped = data.stopped.edges.map((edge) => edge.node);
  if (blocked.length === 0 && stopped.length === 0) {
    return (
      <p className={classes["calm"]}>
        <IconCircleCheck size={18} stroke={1.8} aria-hidden /> Nothing needs you.
      </p>
    );
  }
  return (
    <div className={classes["attention"]} role="status">
      <p className={classes["attentionTitle"]}>
        <IconHandStop size={18} stroke={1.8} aria-hidden /> {plural(blocked.length + stopped.length, "thing")}{" "}
        {blocked.length + stopped.length === 1 ? "needs" : "need"} you
      </p>
      <ul>
        {blocked.map((lane) => (
          <li key={lane.id}>
            <Link to={`/lanes?definition=${lane.webhookDefinition.id}`}>{lane.webhookDefinition.name}</Link> is blocked
            {lane.head && (
              <>
                {" "}
                at <Link to={`/log/${lane.head.number}`}>#{lane.head.number}</Link>
              </>
            )}
            , {plural(lane.pendingCount, "request")} behind it
          </li>
        ))}
        {stopped.map((definition) => (
          <li key={definition.id}>
            <Link to={`/webhooks/${definition.id}`}>{definition.name}</Link> was stopped: too many errors in a row
          </li>
        ))}
      </ul>
    </div>
  );
}

function WaitingLanes({ data }: { data: OverviewData }) {
  const now = useNow(1_000);
  const lanes = data.lanes.edges.map((edge) => edge.node).filter((lane) => lane.state === "WAITING");
  return (
    <Section title="Lanes that wait" actions={<Link to="/lanes">{lanes.length > 5 ? `All ${data.lanes.totalCount}` : "All lanes"}</Link>}>
      {lanes.length === 0 ? (
        <p className="quiet">None. Every lane is moving or idle.</p>
      ) : (
        <ul className={classes["list"]}>
          {lanes.slice(0, 5).map((lane) => (
            <li key={lane.id}>
              <Link className="plain clip" to={`/lanes?definition=${lane.webhookDefinition.id}`}>
                {lane.webhookDefinition.name} {lane.key && <span className="quiet mono">{lane.key}</span>}
              </Link>
              <span className="quiet num">{lane.pendingCount} behind</span>
              <span className="num">{lane.until === null ? "" : `next try ${formatAgo(lane.until, now)}`}</span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function FailingWebhooks({ data, since }: { data: OverviewData; since: string }) {
  const failing = data.deliveryStatistics.definitions
    .map((each) => ({ ...each, failed: each.retried + each.rejected, calls: each.delivered + each.retried + each.rejected }))
    .filter((each) => each.failed > 0)
    .sort((a, b) => b.failed - a.failed);
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
              <Link className="num" to={`/log?definition=${definition.id}&state=WAITING,REJECTED&from=${since}`}>
                {plural(failed, "attempt")}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function GoalStates() {
  const [{ data }] = useQuery({ query: GoalStatesQuery });
  const goals = data?.goals.edges.map((edge) => edge.node) ?? [];
  if (goals.length === 0) return null;
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
  const { state, ask } = useOverview(Number(span.value), span.buckets);
  const data = state?.data;
  const actions = (
    <SegmentedControl
      size="xs"
      aria-label="Time span"
      value={span.value}
      data={SPANS.map(({ value, label }) => ({ value, label }))}
      onChange={(value) => setQuery(value === "60" ? {} : { span: value }, { replace: true })}
    />
  );
  if (!data || !state) {
    return (
      <Page title="Overview">{state?.error ? <Failed error={state.error} retry={() => void ask()} /> : <LoadingRows rows={9} />}</Page>
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
  const { deliveryStatistics: statistics } = data;
  const { since } = state;
  return (
    <Page title="Overview" actions={actions}>
      <Attention data={data} />
      {state.error && <p className="quiet">Not renewed: {state.error}</p>}
      <div className={classes["figures"]}>
        <Figure to={`/log?state=DELIVERED&from=${since}`} value={formatCount(statistics.delivered)} label="Delivered" tone="ok" />
        <Figure to={`/log?state=WAITING&from=${since}`} value={formatCount(statistics.retried)} label="Retried" tone="warn" />
        <Figure to={`/log?state=REJECTED&from=${since}`} value={formatCount(statistics.rejected)} label="Rejected" tone="bad" />
        <Figure
          to={`/log?from=${since}`}
          value={statistics.p50Ms === null ? "–" : formatDuration(statistics.p50Ms)}
          label="Answer, half of them (p50)"
        />
        <Figure
          to={`/log?from=${since}`}
          value={statistics.p99Ms === null ? "–" : formatDuration(statistics.p99Ms)}
          label="Answer, 99 of 100 (p99)"
        />
      </div>
      <Section title="Attempts" hint={`Per ${span.per}. A bar opens its deliveries in the log.`}>
        <Bars buckets={statistics.buckets} width={(Number(span.value) * 60_000) / span.buckets} />
      </Section>
      <div className={classes["columns"]}>
        <WaitingLanes data={data} />
        <FailingWebhooks data={data} since={since} />
      </div>
      <GoalStates />
    </Page>
  );
}
