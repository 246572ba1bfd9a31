/** Recover: what failed or was missed is sent after all. First the plan, then the sending, with its progress and its end. */
import { Button, NumberInput, SegmentedControl } from "@mantine/core";
import { useMemo, useState } from "react";
import { MomentInput } from "../components/moment-input.tsx";
import { Refusal } from "../components/refusal.tsx";
import { tell, useAct } from "../graphql/act.ts";
import classes from "./recover.module.css";
import { CreateReplay, type ReplayInput } from "./recovery-documents.ts";
import { countOf, PlanText, usePlan } from "./replay-plan.tsx";
import { ReplayRun, type Started } from "./replay-run.tsx";

type Kind = ReplayInput["kind"];
type Filter = NonNullable<ReplayInput["filter"]>;

export interface RecoverScope {
  /** Whose requests or events; none: of every webhook, which only what failed can be. */
  webhooks: readonly { id: string; name: string }[];
  /** Narrows it, as the log's filter does. */
  filter?: Filter;
  /** ISO; a day ago when absent. */
  since?: string | undefined;
  /** ISO; now when absent. */
  until?: string | undefined;
}

const DAY_MS = 86_400_000;
const HINTS: Record<Kind, string> = {
  REJECTED: "Requests that were given up are sent again: same number, id and bytes, before what is pending in their lanes.",
  MISSED:
    "Events that the webhook takes today and never had a request for, as it was stopped or made later: new requests, behind what is queued.",
};
/** What an event without a request can be asked for. */
const OF_EVENTS = ["eventType", "entity", "entityId"] as const;

function filterFor(kind: Kind, filter: Filter): Filter {
  if (kind === "REJECTED") return filter;
  return Object.fromEntries(OF_EVENTS.flatMap((name) => (filter[name] == null ? [] : [[name, filter[name]]]))) as Filter;
}

interface PanelProps {
  scope: RecoverScope;
  runs: readonly Started[];
  setRuns: (change: (last: readonly Started[]) => readonly Started[]) => void;
}

export function RecoverPanel({ scope, runs, setRuns }: PanelProps) {
  const { act, busy, failure } = useAct({ inPlace: true });
  const [kind, setKind] = useState<Kind>("REJECTED");
  const [since, setSince] = useState(() => scope.since || new Date(Date.now() - DAY_MS).toISOString());
  const [until, setUntil] = useState(scope.until ?? "");
  const [rate, setRate] = useState<number | null>(null);
  const { webhooks, filter = {} } = scope;

  const inputs = useMemo<ReplayInput[] | null>(() => {
    if (since === "") return null;
    const { webhookDefinitionId: _, ...rest } = filterFor(kind, filter);
    const shared = {
      kind,
      since,
      ...(until === "" ? {} : { until }),
      ...(Object.keys(rest).length === 0 ? {} : { filter: rest }),
      ...(rate === null ? {} : { ratePerSecond: rate }),
    };
    return webhooks.length === 0 ? [shared] : webhooks.map(({ id }) => ({ ...shared, webhookDefinitionId: id }));
  }, [kind, since, until, rate, webhooks, filter]);
  const { plan, failure: refused } = usePlan(inputs);

  async function start() {
    if (!plan || !inputs) return;
    // A webhook that has nothing to recover gets no replay.
    const busyOnes = new Set(plan.shares.filter((share) => share.total > 0).map((share) => share.id));
    const begun: Started[] = [];
    for (const input of inputs) {
      const webhook = webhooks.find(({ id }) => id === input.webhookDefinitionId);
      if (webhook && !busyOnes.has(webhook.id)) continue;
      const replay = await act(CreateReplay, { input });
      if (!replay) break;
      begun.push({ replay, name: webhook?.name ?? "Every webhook", webhookId: webhook?.id });
    }
    if (begun.length > 0) {
      tell("The recovery is under way");
      setRuns(() => begun);
    }
  }

  if (runs.length > 0) {
    return (
      <div className={classes["form"]}>
        {runs.map((run) => (
          <ReplayRun
            key={run.replay.id}
            started={run}
            ended={(replay) => setRuns((last) => last.map((each) => (each.replay.id === replay.id ? { ...each, replay } : each)))}
          />
        ))}
        <Refusal failure={failure} />
        {runs.every(({ replay }) => replay.state !== "RUNNING") && (
          <div className={classes["buttons"]}>
            <Button variant="default" onClick={() => setRuns(() => [])}>
              Recover something else
            </Button>
          </div>
        )}
      </div>
    );
  }
  const noun = kind === "MISSED" ? "event" : "request";
  return (
    <div className={classes["form"]}>
      {webhooks.length > 0 && (
        <SegmentedControl
          fullWidth
          aria-label="What to recover"
          value={kind}
          onChange={(next) => setKind(next as Kind)}
          data={[
            { value: "REJECTED", label: "What failed" },
            { value: "MISSED", label: "What was missed" },
          ]}
        />
      )}
      <p className={classes["note"]}>{HINTS[kind]}</p>
      <div className={classes["pair"]}>
        <MomentInput
          label="Accepted since"
          value={since}
          change={setSince}
          error={refused?.issues["since"] ?? (since === "" ? "is needed" : undefined)}
        />
        <MomentInput label="Until" value={until} change={setUntil} error={refused?.issues["until"]} />
      </div>
      <NumberInput
        label="At most"
        description="Queued a second; empty: as fast as they are read"
        suffix=" a second"
        min={1}
        max={1_000}
        allowDecimal={false}
        value={rate ?? ""}
        error={refused?.issues["ratePerSecond"]}
        onChange={(value) => setRate(value === "" ? null : Number(value))}
      />
      <section aria-label="Plan" aria-live="polite">
        {plan ? (
          <PlanText plan={plan} noun={noun} showShares={webhooks.length !== 1} />
        ) : (
          !refused && <p className={classes["plan"]}>{inputs === null ? "Say since when." : "Counting what would be sent…"}</p>
        )}
      </section>
      <Refusal failure={failure ?? refused} />
      <div className={classes["buttons"]}>
        <Button loading={busy} disabled={!plan || plan.total === 0} onClick={() => void start()}>
          {plan && plan.total > 0 ? `Recover ${countOf(plan)}` : "Recover"}
        </Button>
      </div>
    </div>
  );
}
