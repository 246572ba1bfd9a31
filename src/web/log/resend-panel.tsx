/** Resends what a view shows: first which requests those are and how many, then how far it is. */
import { Button } from "@mantine/core";
import { useState } from "react";
import { useQuery } from "urql";
import { formatCapped } from "../components/format.ts";
import { Refusal } from "../components/refusal.tsx";
import { Failed } from "../components/states.tsx";
import { Problem, useAct } from "../graphql/act.ts";
import { graphql } from "../graphql/tada.ts";
import classes from "../webhooks/recover.module.css";
import { ReplayFields } from "../webhooks/recovery-documents.ts";
import { usePlan } from "../webhooks/replay-plan.tsx";
import { ReplayRun, type Started } from "../webhooks/replay-run.tsx";
import { TotalQuery } from "./documents.ts";
import { type LogFilter, resentStates, toInput } from "./filter.ts";

const ResendAll = graphql(
  `
  mutation ResendAll($input: ResendWebhookRequestsInput!) {
    resendWebhookRequests(input: $input) {
      __typename
      ... on Replay {
        ...ReplayFields
      }
      ...Problem
    }
  }
`,
  [Problem, ReplayFields],
);

/** Before any request. */
const EVER = new Date(0).toISOString();

/** How many the server would send. Its plan knows no DELIVERED ones; a count of those has their tests in it, which are never sent. */
function useResendCount(filter: LogFilter) {
  const states = resentStates(filter);
  const input = { ...toInput(filter), state: states };
  const delivered = states.includes("DELIVERED");
  const { plan, failure } = usePlan(delivered || states.length === 0 ? null : [{ kind: "REJECTED", since: EVER, filter: input }]);
  const [{ data, error }] = useQuery({
    query: TotalQuery,
    variables: { filter: input },
    pause: !delivered,
    requestPolicy: "network-only",
  });
  const counted = data?.webhookRequests;
  return {
    states,
    input,
    total: states.length === 0 ? 0 : delivered ? counted?.totalCount : plan?.total,
    capped: delivered ? counted?.totalCountCapped === true : plan?.capped === true,
    atMost: delivered,
    failure,
    error,
  };
}

export function ResendPanel({ filter, close }: { filter: LogFilter; close: () => void }) {
  const { act, busy, failure } = useAct({ inPlace: true });
  const { states, input, total, capped, atMost, failure: refused, error } = useResendCount(filter);
  const [started, setStarted] = useState<Started>();
  if (started) return <ReplayRun started={started} />;
  if (error) return <Failed error={error} />;

  const words = states.map((state) => state.toLowerCase()).join(" or ");
  const count = total === undefined ? "" : formatCapped(total, capped);
  async function start() {
    const replay = await act(ResendAll, { input: { filter: input } });
    if (replay) setStarted({ replay, name: "This view", webhookId: filter.definition || undefined });
  }
  return (
    <div className={classes["form"]}>
      <p className={classes["note"]}>
        {states.length === 0
          ? "What this view shows is still queued."
          : `Requests of this view that were ${words} are sent again with their own id, number and bytes, oldest first, each before what is pending in its lane. Tests, and requests made from now on, are left alone.`}
        {filter.states.length === 0 && " To resend others, filter by their state."}
      </p>
      <section aria-label="Plan" aria-live="polite">
        {!refused && (
          <p className={classes["plan"]}>
            {total === undefined ? (
              "Counting what would be sent…"
            ) : total === 0 ? (
              "Nothing to resend."
            ) : (
              <strong className="num">
                {atMost ? "Up to " : ""}
                {count} {total === 1 ? "request" : "requests"}
              </strong>
            )}
          </p>
        )}
      </section>
      <Refusal failure={failure ?? refused} />
      {total !== 0 && (
        <div className={classes["buttons"]}>
          <Button variant="default" onClick={close}>
            Keep as it is
          </Button>
          <Button loading={busy} disabled={total === undefined} onClick={() => void start()}>
            Resend {count}
          </Button>
        </div>
      )}
    </div>
  );
}
