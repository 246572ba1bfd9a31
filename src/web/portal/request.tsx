import { Button } from "@mantine/core";
import { IconPlayerSkipForward, IconRefresh, IconSearchOff } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useParams } from "react-router";
import { useQuery } from "urql";
import { formatDuration, formatMoment } from "../components/format.ts";
import { Page, Section } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { Tag } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import { Exchange } from "../request/exchange.tsx";
import { requestNumber } from "../request/number.ts";
import { PortalRequest, type PortalRequestDetail, PortalResend, PortalRetry, PortalSkip } from "./documents.ts";
import { followPortal } from "./live.ts";
import classes from "./portal.module.css";
import { usePortal } from "./session.tsx";

const SETTLED = new Set(["DELIVERED", "REJECTED", "SKIPPED", "CANCELLED"]);

function Actions({ request: { id, state, number, isTest, lane }, changed }: { request: PortalRequestDetail; changed: () => void }) {
  const { act, busy } = useAct();
  const after = async (done: Promise<unknown>) => {
    if (await done) changed();
  };
  // A test stands outside every lane, and is sent once: another one is another test.
  if (isTest) return null;
  // A settled one stands at the head of its lane only where it blocks it, also while the lane is paused.
  const blocks = SETTLED.has(state) && lane?.head?.id === id;
  return (
    <>
      {SETTLED.has(state) && (
        <Button
          leftSection={<IconRefresh size={15} />}
          loading={busy}
          onClick={() => void after(act(PortalResend, { input: { id, force: state === "DELIVERED" } }, `#${number} is sent again`))}
        >
          Send again
        </Button>
      )}
      {state === "WAITING" && (
        <Button
          leftSection={<IconRefresh size={15} />}
          loading={busy}
          onClick={() => void after(act(PortalRetry, { input: { id } }, `#${number} is tried now`))}
        >
          Retry now
        </Button>
      )}
      {(state === "WAITING" || blocks) && (
        <Confirm
          title={`Skip #${number}?`}
          confirmLabel="Skip"
          button={(open) => (
            <Button variant="default" leftSection={<IconPlayerSkipForward size={15} />} onClick={open}>
              Skip…
            </Button>
          )}
          confirm={() => after(act(PortalSkip, { input: { id } }, `#${number} is skipped`))}
        >
          It is not sent, and what waits behind it goes on. It can be sent again later.
        </Confirm>
      )}
    </>
  );
}

function Attempts({ request }: { request: PortalRequestDetail }) {
  const attempts = request.all.edges.map((edge) => edge.node);
  const [chosen, setChosen] = useState<number>();
  const shown = attempts.find((each) => each.number === chosen) ?? attempts.at(-1);
  const waiting = request.nextAttemptAt !== null && request.state === "WAITING";
  return (
    <Section
      title="Attempts"
      hint={
        waiting && (
          <>
            The next one comes <Ago at={request.nextAttemptAt} />.
          </>
        )
      }
    >
      {shown === undefined && <p className="quiet">It was not sent yet.</p>}
      <ol className={classes["attempts"]}>
        {attempts.map((attempt) => (
          <li key={attempt.id}>
            <button
              type="button"
              className={classes["attempt"]}
              aria-pressed={attempt.number === shown?.number}
              onClick={() => setChosen(attempt.number)}
            >
              <span className="num">Attempt {attempt.number}</span>
              <Tag kind="outcome" state={attempt.outcome} bare />
              <span className="num">{attempt.statusCode === null ? attempt.errorCode : `HTTP ${attempt.statusCode}`}</span>
              <span className="quiet num">{formatDuration(attempt.durationMs)}</span>
              <time className="quiet num" dateTime={attempt.startedAt}>
                {formatMoment(attempt.startedAt)}
              </time>
            </button>
          </li>
        ))}
      </ol>
      {shown && <Exchange attempt={shown} firstBody={attempts[0]?.requestBody ?? null} />}
    </Section>
  );
}

export function PortalRequestPage() {
  const number = requestNumber(useParams()["number"]);
  if (number !== undefined) return <KnownNumber number={number} />;
  return (
    <Page title="Request" back={{ to: "/portal", label: "Webhooks" }}>
      <Empty icon={IconSearchOff} title="There is no such request" />
    </Page>
  );
}

function KnownNumber({ number }: { number: number }) {
  const { writes } = usePortal();
  const [result, ask] = useQuery({ query: PortalRequest, variables: { number } });
  const again = () => ask({ requestPolicy: "network-only" });
  const request = result.data?.webhookRequest;
  const [id, cursor] = [request?.id, result.data?.liveCursor];
  // biome-ignore lint/correctness/useExhaustiveDependencies: one stream for a request, from the cursor of the first answer
  useEffect(() => {
    if (id === undefined || cursor === undefined) return;
    return followPortal({ filter: { ids: [id] }, after: cursor, next: again, status: () => undefined, lost: again });
  }, [id]);
  const subject =
    request && (request.entityId === null ? request.eventType : `${request.eventType} · ${request.entity ?? ""} ${request.entityId}`);
  return (
    <Page
      back={
        request
          ? { to: `/portal/webhooks/${request.webhookDefinition.id}`, label: request.webhookDefinition.name }
          : { to: "/portal", label: "Webhooks" }
      }
      name={`#${number}`}
      title={
        <>
          #{number} {request && <Tag kind="request" state={request.state} />}
        </>
      }
      hint={subject}
      actions={writes && request && <Actions request={request} changed={again} />}
    >
      <Loaded of={result} retry={again}>
        {({ webhookRequest: shown }) =>
          shown === null ? (
            <Empty icon={IconSearchOff} title="There is no such request" />
          ) : (
            <>
              {shown.errorDescription !== null && shown.state !== "DELIVERED" && (
                <p style={{ margin: 0 }}>
                  <span className="mono">{shown.errorCode}</span> {shown.errorDescription}
                </p>
              )}
              <Attempts request={shown} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
