import { Button, SegmentedControl, Select } from "@mantine/core";
import { IconArrowsRightLeft, IconPlayerPause, IconPlayerPlay, IconPlayerSkipForward, IconRotateClockwise } from "@tabler/icons-react";
import { useCallback } from "react";
import { Link, useSearchParams } from "react-router";
import { useQuery } from "urql";
import { useEvery, useNow } from "../components/clock.ts";
import { formatAgo, formatMoment, plural } from "../components/format.ts";
import { Page } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { Tag } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { Problem, useAct } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { Resend, RetryNow, Skip } from "../request/documents.ts";
import { useSession } from "../session.tsx";
import { useDefinitionNames } from "../webhooks/names.ts";
import classes from "./lanes.module.css";

const LanesQuery = graphql(`
  query Lanes($filter: LaneFilter) {
    lanes(first: 100, filter: $filter) {
      edges {
        node {
          id
          key
          state
          reason
          until
          since
          pendingCount
          lastNumber
          settledNumber
          webhookDefinition {
            id
            name
            state
          }
          head {
            id
            number
            state
            eventType
            entity
            entityId
            errorCode
            attemptCount
            createdAt
          }
        }
      }
      pageInfo {
        hasNextPage
      }
    }
  }
`);
const PauseLane = graphql(
  `
  mutation PauseLane($input: PauseLaneInput!) {
    pauseLane(input: $input) {
      __typename
      ... on Lane {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const ResumeLane = graphql(
  `
  mutation ResumeLane($input: ResumeLaneInput!) {
    resumeLane(input: $input) {
      __typename
      ... on Lane {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
type Lane = ResultOf<typeof LanesQuery>["lanes"]["edges"][number]["node"];
type LaneState = Lane["state"];

const HELD: LaneState[] = ["BLOCKED", "WAITING", "PAUSED"];
const VIEWS: { value: string; label: string; states: LaneState[] | null }[] = [
  { value: "held", label: "Held up", states: HELD },
  { value: "busy", label: "Sending", states: ["READY", "LEASED"] },
  { value: "all", label: "All", states: null },
];
/** What needs a person comes first. */
const RANK: Record<LaneState, number> = { BLOCKED: 0, WAITING: 1, PAUSED: 2, LEASED: 3, READY: 4, IDLE: 5 };

function why(lane: Lane): string {
  const { head } = lane;
  const reason = lane.reason ?? head?.errorCode ?? undefined;
  if (lane.state === "BLOCKED")
    return `Every attempt failed${reason ? ` (${reason})` : ""}, and this webhook stops at what fails. Resend it or skip it.`;
  if (lane.state === "WAITING")
    return `${head ? `${plural(head.attemptCount, "attempt")} failed` : "The head failed"}${reason ? ` (${reason})` : ""}.`;
  if (lane.state === "PAUSED")
    return lane.webhookDefinition.state === "ACTIVE" ? "An operator holds it." : "Its webhook is stopped. What is queued is kept.";
  if (lane.state === "LEASED") return "A worker is sending.";
  return lane.state === "READY" ? "Waits for a free worker." : "Nothing to send.";
}

function LaneRow({ lane, now, writes, refresh }: { lane: Lane; now: number; writes: boolean; refresh: () => void }) {
  const { act, busy } = useAct();
  const { head } = lane;
  const then = async (done: Promise<unknown>) => {
    await done;
    refresh();
  };
  return (
    <li className={classes["lane"]} data-state={lane.state}>
      <div className={classes["who"]}>
        <Tag kind="lane" state={lane.state} />
        <Link className="plain" to={`/webhooks/${lane.webhookDefinition.id}`}>
          <strong>{lane.webhookDefinition.name}</strong>
        </Link>
        {lane.key && <span className="quiet mono">{lane.key}</span>}
      </div>
      <div className={classes["head"]}>
        {head ? (
          <>
            <Link className="num" to={`/log/${head.number}`}>
              #{head.number}
            </Link>{" "}
            <span className="mono">{head.eventType}</span>{" "}
            <span className="quiet">{head.entityId === null ? "" : `${head.entity ?? ""} ${head.entityId}`}</span>
          </>
        ) : (
          <span className="quiet">Nothing at the head</span>
        )}
        <p className={classes["why"]}>
          {why(lane)}
          {lane.until !== null && lane.state === "WAITING" && (
            <>
              {" "}
              <span className="num" title={formatMoment(lane.until)}>
                Next try {formatAgo(lane.until, now)}.
              </span>
            </>
          )}
        </p>
      </div>
      <dl className={classes["numbers"]}>
        <div>
          <dt>Behind</dt>
          <dd className="num">{lane.pendingCount}</dd>
        </div>
        <div>
          <dt>Since</dt>
          <dd>{lane.since === null ? "–" : <Ago at={lane.since} />}</dd>
        </div>
      </dl>
      {writes && (
        <div className={classes["actions"]}>
          {head && lane.state === "WAITING" && (
            <Button
              size="xs"
              loading={busy}
              leftSection={<IconRotateClockwise size={14} />}
              onClick={() => void then(act(RetryNow, { input: { id: head.id } }))}
            >
              Retry now
            </Button>
          )}
          {head && lane.state === "BLOCKED" && (
            <Button
              size="xs"
              loading={busy}
              leftSection={<IconRotateClockwise size={14} />}
              onClick={() => void then(act(Resend, { input: { id: head.id } }))}
            >
              Resend
            </Button>
          )}
          {head && (lane.state === "WAITING" || lane.state === "BLOCKED") && (
            <Confirm
              title={`Skip #${head.number}?`}
              confirmLabel="Skip"
              button={(open) => (
                <Button size="xs" variant="default" leftSection={<IconPlayerSkipForward size={14} />} onClick={open}>
                  Skip…
                </Button>
              )}
              confirm={() => then(act(Skip, { input: { id: head.id } }, `#${head.number} is skipped`))}
            >
              The receiver never gets it, and the lane goes on with the {plural(lane.pendingCount, "request")} behind it.
            </Confirm>
          )}
          {lane.state === "PAUSED" ? (
            lane.webhookDefinition.state === "ACTIVE" && (
              <Button
                size="xs"
                loading={busy}
                leftSection={<IconPlayerPlay size={14} />}
                onClick={() => void then(act(ResumeLane, { input: { id: lane.id } }))}
              >
                Resume
              </Button>
            )
          ) : (
            <Button
              size="xs"
              variant="default"
              loading={busy}
              leftSection={<IconPlayerPause size={14} />}
              onClick={() => void then(act(PauseLane, { input: { id: lane.id } }))}
            >
              Pause
            </Button>
          )}
        </div>
      )}
    </li>
  );
}

export function Lanes() {
  const { can } = useSession();
  const [query, setQuery] = useSearchParams();
  const names = useDefinitionNames();
  const now = useNow(1_000);
  const definition = query.get("definition");
  const view = VIEWS.find((each) => each.value === query.get("view")) ?? (VIEWS[0] as (typeof VIEWS)[number]);
  const filter = { ...(view.states ? { state: view.states } : {}), ...(definition === null ? {} : { webhookDefinitionId: definition }) };
  const [result, again] = useQuery({ query: LanesQuery, variables: { filter } });
  const refresh = useCallback(() => again({ requestPolicy: "network-only" }), [again]);
  useEvery(3_000, refresh);

  const put = (name: string, value: string | null) =>
    setQuery((last) => {
      const next = new URLSearchParams(last);
      if (value === null || value === "held") next.delete(name);
      else next.set(name, value);
      return next;
    });

  return (
    <Page title="Lanes" hint="A lane is one strictly ordered stream: what is at its head holds up everything behind it.">
      <div className={classes["bar"]}>
        <SegmentedControl
          size="xs"
          aria-label="Which lanes"
          value={view.value}
          data={VIEWS.map(({ value, label }) => ({ value, label }))}
          onChange={(value) => put("view", value)}
        />
        <Select
          size="xs"
          aria-label="Webhook"
          placeholder="Any webhook"
          searchable
          clearable
          data={names.map((each) => ({ value: each.id, label: each.name }))}
          value={definition}
          onChange={(value) => put("definition", value)}
        />
      </div>
      <Loaded of={result} retry={refresh}>
        {({ lanes }) => {
          const rows = lanes.edges
            .map((edge) => edge.node)
            .sort((a, b) => RANK[a.state] - RANK[b.state] || b.pendingCount - a.pendingCount);
          if (rows.length === 0) {
            return (
              <Empty icon={IconArrowsRightLeft} title={view.value === "held" ? "Nothing is held up" : "No lanes here"}>
                {view.value === "held" ? "Every lane is moving or has nothing to send." : "Lanes appear with the first event of a webhook."}
              </Empty>
            );
          }
          return (
            <>
              <ul className={classes["lanes"]}>
                {rows.map((lane) => (
                  <LaneRow key={lane.id} lane={lane} now={now} writes={can("webhooks:write")} refresh={refresh} />
                ))}
              </ul>
              {lanes.pageInfo.hasNextPage && <p className="quiet">There are more; choose a webhook to see all of its lanes.</p>}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
