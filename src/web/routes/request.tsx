// biome-ignore-all lint/correctness/useJsxKeyInIterable: facts are pairs of a name and an element, not lists of elements
import { Alert, Button } from "@mantine/core";
import {
  IconAlertTriangle,
  IconBan,
  IconFileOff,
  IconGitCompare,
  IconPlayerSkipForward,
  IconRotateClockwise,
  IconTrash,
} from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { useQuery } from "urql";
import { Code, jsonText } from "../components/code.tsx";
import { CopyField } from "../components/copy.tsx";
import { LiveMark } from "../components/live.tsx";
import { Facts, Page, Section } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { pretty } from "../components/pretty.ts";
import { Empty, Failed, LoadingRows } from "../components/states.tsx";
import { Chip, Tag } from "../components/tag.tsx";
import { Moment } from "../components/time.tsx";
import { type EventTexts, useEventText } from "../events/event-text.ts";
import { useAct } from "../graphql/act.ts";
import { follow, type LiveStatus } from "../graphql/live.ts";
import { Attempts } from "../request/attempts.tsx";
import {
  type AttemptDetail,
  Cancel,
  Delete,
  RequestChanged,
  type RequestDetail,
  RequestQuery,
  Resend,
  RetryNow,
  Skip,
} from "../request/documents.ts";
import { Exchange } from "../request/exchange.tsx";
import { requestNumber } from "../request/number.ts";
import { SendAsTest } from "../request/send-as-test.tsx";
import { saysMore, sentenceOf } from "../request/sentence.ts";
import { Signature } from "../request/signature.tsx";
import { Why } from "../request/why.tsx";
import { useSession } from "../session.tsx";
import classes from "./request.module.css";

const Compare = lazy(async () => ({ default: (await import("../request/compare.tsx")).Compare }));

const SETTLED = ["DELIVERED", "REJECTED", "SKIPPED", "CANCELLED"];

/** A settled one stands at the head of its lane only where it blocks it, also while the lane is paused. */
const blocksLane = ({ id, state, lane }: RequestDetail) => SETTLED.includes(state) && lane?.head?.id === id;

interface ActionsProps {
  request: RequestDetail;
  texts: EventTexts | undefined;
  refresh: () => void;
}

function Actions({ request, texts, refresh }: ActionsProps) {
  const { act, busy } = useAct();
  const navigate = useNavigate();
  const input = { id: request.id };
  const settled = SETTLED.includes(request.state);
  // A test stands outside every lane: it is sent once, and can be sent as another test.
  const again = settled && !request.isTest;
  const then = async (done: Promise<unknown>) => {
    await done;
    refresh();
  };
  return (
    <>
      {request.state === "WAITING" && (
        <Button
          loading={busy}
          leftSection={<IconRotateClockwise size={15} />}
          onClick={() => void then(act(RetryNow, { input }, `#${request.number} is tried now`))}
        >
          Retry now
        </Button>
      )}
      {again && request.state === "REJECTED" && (
        <Button
          loading={busy}
          leftSection={<IconRotateClockwise size={15} />}
          onClick={() => void then(act(Resend, { input }, `#${request.number} is sent again`))}
        >
          Resend
        </Button>
      )}
      {again && request.state !== "REJECTED" && (
        <Confirm
          title={`Resend #${request.number}?`}
          confirmLabel="Resend"
          danger={false}
          button={(open) => (
            <Button variant="default" leftSection={<IconRotateClockwise size={15} />} onClick={open}>
              Resend…
            </Button>
          )}
          confirm={() => then(act(Resend, { input: { ...input, force: true } }, `#${request.number} is sent again`))}
        >
          It was {request.state.toLowerCase()}. The receiver gets it again with the same id and bytes, and may tell by them that it knows
          it.
        </Confirm>
      )}
      {(request.state === "WAITING" || blocksLane(request)) && (
        <Confirm
          title={`Skip #${request.number}?`}
          confirmLabel="Skip"
          button={(open) => (
            <Button variant="default" leftSection={<IconPlayerSkipForward size={15} />} onClick={open}>
              Skip…
            </Button>
          )}
          confirm={() => then(act(Skip, { input }, `#${request.number} is skipped; the lane goes on`))}
        >
          The receiver never gets it, and the lane goes on with the next.
        </Confirm>
      )}
      {(request.state === "PENDING" || request.state === "WAITING") && (
        <Confirm
          title={`Cancel #${request.number}?`}
          confirmLabel="Cancel request"
          button={(open) => (
            <Button variant="default" leftSection={<IconBan size={15} />} onClick={open}>
              Cancel…
            </Button>
          )}
          confirm={() => then(act(Cancel, { input }, `#${request.number} is cancelled`))}
        >
          It is called off and stays in the log as cancelled.
        </Confirm>
      )}
      <SendAsTest request={request} texts={texts} />
      {settled && (
        <Confirm
          title={`Delete #${request.number}?`}
          confirmLabel="Delete"
          button={(open) => (
            <Button variant="subtle" color="gray" leftSection={<IconTrash size={15} />} onClick={open}>
              Delete…
            </Button>
          )}
          confirm={async () => {
            if (await act(Delete, { input }, `#${request.number} is deleted`)) navigate("/log");
          }}
        >
          The request and its attempts are taken out of the log for good.
        </Confirm>
      )}
    </>
  );
}

/** Numbers of the two that the address names, as `?compare=1-3`. */
function comparedOf(query: URLSearchParams, attempts: readonly AttemptDetail[]): [number, number] | undefined {
  const [left, right] = (query.get("compare") ?? "").split("-").map(Number);
  const there = (number: number | undefined) => attempts.some((attempt) => attempt.number === number);
  return left !== undefined && right !== undefined && there(left) && there(right) ? [left, right] : undefined;
}

function Detail({ request, refresh, status }: { request: RequestDetail; refresh: () => void; status: LiveStatus }) {
  const { can } = useSession();
  const attempts = request.attempts.edges.map((edge) => edge.node);
  const [picked, setPicked] = useState<number>();
  const chosen = attempts.find((attempt) => attempt.number === picked) ?? attempts.at(-1);
  const firstBody = attempts[0]?.requestBody ?? null;
  const { event } = request;
  const texts = useEventText(event.id);
  const shown = (field: "payload" | "previous") => (texts && pretty(texts[field])) ?? jsonText(event[field]);
  const [query, setQuery] = useSearchParams();
  const compared = comparedOf(query, attempts);
  const compare = (left?: number, right?: number) => setQuery(left === undefined ? {} : { compare: `${left}-${right}` }, { replace: true });
  const [before, last] = attempts.slice(-2);
  const sentence = sentenceOf(request, Date.now());
  return (
    <Page
      name={`Request #${request.number}`}
      title={
        <>
          <span className="num">#{request.number}</span> <Tag kind="request" state={request.state} />
          {request.isTest && <Chip tone="mute">Test</Chip>} <LiveMark status={status} />
        </>
      }
      hint={
        <>
          <span className="mono">{event.type}</span> to{" "}
          <Link to={`/webhooks/${request.webhookDefinition.id}`}>{request.webhookDefinition.name}</Link>
        </>
      }
      back={{ to: "/log", label: "Log" }}
      actions={can("webhooks:write") && <Actions request={request} texts={texts} refresh={refresh} />}
    >
      {sentence && (
        <Alert
          variant="light"
          color={sentence.tone === "bad" ? "red" : sentence.tone === "warn" ? "yellow" : "gray"}
          icon={<IconAlertTriangle size={18} />}
          mb="lg"
        >
          <Why request={request} />
          {saysMore(request.errorDescription) && <p className={classes["mend"]}>{request.errorDescription}</p>}
          {blocksLane(request) && " Its lane is blocked until it is resent or skipped."}
        </Alert>
      )}
      <Facts
        facts={[
          ["Target", request.url === null ? null : <CopyField text={request.url} label="Copy the URL" />],
          [
            "Entity",
            event.entityId === null ? null : (
              <Link className="plain" to={`/log?entityId=${encodeURIComponent(event.entityId)}`}>
                {event.entity} {event.entityId}
              </Link>
            ),
          ],
          request.lane !== null && [
            "Place in its lane",
            <Link className="plain num" to={`/lanes?definition=${request.webhookDefinition.id}`}>
              {request.laneNumber}
            </Link>,
          ],
          request.workflowRule !== null && ["Workflow rule", request.workflowRule.name],
          request.notificationStatus !== null && [
            "Notification",
            [request.notificationStatus, request.notificationMessage].filter(Boolean).join(": "),
          ],
          ["Created", <Moment at={request.createdAt} />],
          ["Settled", request.settledAt === null ? null : <Moment at={request.settledAt} />],
          ["Id", <CopyField text={request.id} label="Copy the id" />],
        ]}
      />
      <div className={classes["body"]}>
        <section aria-label="Attempts">
          <h2 className={classes["title"]}>
            Attempts
            {before && last && !compared && (
              <Button
                size="compact-xs"
                variant="subtle"
                leftSection={<IconGitCompare size={14} />}
                onClick={() => compare(before.number, last.number)}
              >
                Compare two
              </Button>
            )}
          </h2>
          <Attempts
            request={request}
            attempts={attempts}
            chosen={compared ? undefined : chosen?.number}
            choose={(number) => {
              setPicked(number);
              if (compared) compare();
            }}
          />
        </section>
        <div className={classes["exchange"]}>
          {compared ? (
            <Suspense fallback={<LoadingRows rows={6} />}>
              <Compare attempts={attempts} chosen={compared} choose={compare} close={() => compare()} />
            </Suspense>
          ) : chosen ? (
            <Exchange attempt={chosen} firstBody={firstBody} />
          ) : (
            <p className="quiet">Nothing was sent yet.</p>
          )}
        </div>
      </div>
      {chosen && (
        <Section title="Signature">
          <Signature request={request} attempt={chosen} body={chosen.requestBody ?? firstBody} />
        </Section>
      )}
      <Section title="Event" hint="What happened, as it was taken in.">
        <Facts
          facts={[
            ["Type", <span className="mono">{event.type}</span>],
            ["Id", <CopyField text={event.id} label="Copy the event's id" />],
            ["Occurred", <Moment at={event.occurredAt} />],
            event.actor !== null && ["Actor", event.actor],
            event.source !== null && ["Source", event.source],
            event.traceparent !== null && ["Trace", <CopyField text={event.traceparent.slice(3, 35)} label="Copy the trace id" />],
            event.changes.length > 0 && ["Changed", <span className="mono">{event.changes.join(", ")}</span>],
          ]}
        />
        <div className={classes["payloads"]}>
          <Code text={shown("payload")} json label="payload" />
          {event.previous != null && <Code text={shown("previous")} json label="entity before the change" />}
        </div>
      </Section>
    </Page>
  );
}

export function Request() {
  const number = requestNumber(useParams()["number"]);
  const known = number !== undefined;
  const [{ data, error, stale }, again] = useQuery({ query: RequestQuery, variables: { number: number ?? 0 }, pause: !known });
  const refresh = () => again({ requestPolicy: "network-only" });

  const [status, setStatus] = useState<LiveStatus>("connecting");

  // Whatever happens to it is shown as it happens.
  useEffect(() => {
    if (number === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = follow({
      document: RequestChanged,
      variables: { filter: { number: String(number) } },
      after: undefined,
      next: ({ webhookRequestUpdated: update }) => {
        clearTimeout(timer);
        timer = setTimeout(() => again({ requestPolicy: "network-only" }), 60);
        return update.cursor;
      },
      // What changed before the subscription stood is read once it does.
      status: (now) => {
        setStatus(now);
        if (now === "live") again({ requestPolicy: "network-only" });
      },
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [number, again]);

  const request = data?.webhookRequest;
  if (request && request.number === number) return <Detail key={request.id} request={request} refresh={refresh} status={status} />;
  const back = { to: "/log", label: "Log" };
  return (
    <Page title={known ? `#${number}` : "Request"} back={back}>
      {error ? (
        <Failed error={error} retry={refresh} />
      ) : (data && !stale && request === null) || !known ? (
        <Empty icon={IconFileOff} title="There is no such request">
          It may have been deleted, or is older than the log is kept.
        </Empty>
      ) : (
        <LoadingRows rows={9} />
      )}
    </Page>
  );
}
