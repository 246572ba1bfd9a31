// biome-ignore-all lint/correctness/useJsxKeyInIterable: facts are pairs of a name and an element, not lists of elements
import { Alert, Button, Menu, NumberInput, Tabs } from "@mantine/core";
import { IconAlertTriangle, IconDots, IconPencil, IconWebhookOff } from "@tabler/icons-react";
import { useCallback, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { useQuery } from "urql";
import { ActionButton } from "../components/action-button.tsx";
import { useEvery } from "../components/clock.ts";
import { Code, jsonText } from "../components/code.tsx";
import { CopyField, ShownOnce } from "../components/copy.tsx";
import { formatDuration, formatSeconds, plural } from "../components/format.ts";
import { Facts, Page, Section } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { Empty, Failed, LoadingRows } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip, Tag } from "../components/tag.tsx";
import { Ago, Moment } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import type { ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { ActivateButton } from "../webhooks/activate.tsx";
import { DIALECTS, EXHAUSTIONS, ORDERINGS } from "../webhooks/dialects.ts";
import { DefinitionQuery, DeleteDefinition, RotateSecret } from "../webhooks/documents.ts";
import type { EditorTask } from "../webhooks/editor.tsx";
import { DefinitionEditor } from "../webhooks/editor-lazy.tsx";
import { type Created, FirstSteps } from "../webhooks/first-steps.tsx";
import { RecoverButton } from "../webhooks/recover.tsx";
import { Schedule } from "../webhooks/schedule.tsx";
import { TestButton } from "../webhooks/send-test.tsx";
import { StopButton } from "../webhooks/stop.tsx";
import { SuccessRate } from "../webhooks/success-rate.tsx";
import { SAMPLES } from "../webhooks/verify-samples.ts";
import { targetOf } from "./webhooks.tsx";

/** How old what the page shows may be. */
const LIVE_MS = 2_500;

type Data = ResultOf<typeof DefinitionQuery>;
type Whole = NonNullable<Data["webhookDefinition"]>;

function SigningSecret({ definition }: { definition: Whole }) {
  const { act, busy } = useAct();
  const { can } = useSession();
  const [hours, setHours] = useState(24);
  const [secret, setSecret] = useState<string>();
  return (
    <Section title="Signature" hint={`${DIALECTS[definition.dialect].signature}. The receiver should refuse whatever does not verify.`}>
      {secret !== undefined && (
        <ShownOnce title="The new signing secret" text={secret} label="Copy the signing secret">
          Copy it now: it is not shown again. Calls are signed with the old one, too, for {formatSeconds(hours * 3_600)}.
        </ShownOnce>
      )}
      <Facts
        facts={[
          [
            "Signing secret",
            definition.signingSecretLastFour ? <span className="mono">whsec_…{definition.signingSecretLastFour}</span> : "none",
          ],
          definition.signingPublicKey !== null && [
            "Public key (v1a)",
            <CopyField key="key" text={definition.signingPublicKey} label="Copy the public key" />,
          ],
          definition.secretKey && ["Secret key", definition.secretKey.name],
        ]}
      />
      {can("webhooks:write") && definition.signingSecretLastFour !== null && (
        <div style={{ marginTop: 14 }}>
          <Confirm
            title="Rotate the signing secret?"
            confirmLabel="Rotate"
            danger={false}
            button={(open) => (
              <Button variant="default" onClick={open} loading={busy}>
                Rotate secret…
              </Button>
            )}
            confirm={async () => {
              const result = await act(RotateSecret, { input: { id: definition.id, overlapSeconds: hours * 3_600 } });
              if (result) setSecret(result.signingSecret);
            }}
          >
            <p style={{ marginTop: 0 }}>
              A new secret is made. For a while every call carries both signatures, so that the receiver can change over without losing any.
            </p>
            <NumberInput
              label="Sign with both for"
              suffix=" hours"
              min={0}
              max={720}
              value={hours}
              onChange={(value) => setHours(Number(value))}
            />
          </Confirm>
        </div>
      )}
      <h3 style={{ fontSize: "0.86rem", margin: "22px 0 8px" }}>Verify it</h3>
      <Tabs defaultValue={SAMPLES[0]?.language ?? null} variant="default" keepMounted={false}>
        <Tabs.List mb={10}>
          {SAMPLES.map((sample) => (
            <Tabs.Tab key={sample.language} value={sample.language}>
              {sample.language}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {SAMPLES.map((sample) => (
          <Tabs.Panel key={sample.language} value={sample.language}>
            <Code text={sample.code} label={`${sample.language} sample`} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Section>
  );
}

function Settings({ definition }: { definition: Whole }) {
  const { policy } = definition;
  const headers = Object.entries((definition.headers ?? {}) as Record<string, string>);
  return (
    <>
      <Section title="What it takes">
        <Facts
          facts={[
            [
              "Event types",
              definition.eventTypes.length === 0 ? (
                "none of its own; workflow rules trigger it"
              ) : (
                <span className="mono">{definition.eventTypes.join(", ")}</span>
              ),
            ],
            [
              "Fields",
              definition.fieldsSet.length === 0 ? "the whole payload" : <span className="mono">{definition.fieldsSet.join(", ")}</span>,
            ],
          ]}
        />
        {definition.filter != null && (
          <div style={{ marginTop: 14 }}>
            <Code text={jsonText(definition.filter)} json label="filter" />
          </div>
        )}
      </Section>
      <Section title="How it delivers">
        <Facts
          facts={[
            ["Dialect", DIALECTS[definition.dialect].label],
            ["Ordering", ORDERINGS[policy.ordering].label + (policy.ordering === "NONE" ? `, ${policy.concurrency} at once` : "")],
            ["When attempts run out", EXHAUSTIONS[policy.onExhausted].label],
            ["Timeout", formatDuration(policy.timeoutMs)],
            ["Stops by itself", policy.maxConsecutiveErrors === null ? "never" : `after ${policy.maxConsecutiveErrors} errors in a row`],
            headers.length > 0 && [
              "Headers",
              <span key="headers" className="mono">
                {headers.map(([name, value]) => `${name}: ${value}`).join("\n")}
              </span>,
            ],
          ]}
        />
        <div style={{ marginTop: 16, maxWidth: 560 }}>
          <Schedule waits={policy.retrySchedule} />
        </div>
        {definition.transformation !== null && (
          <div style={{ marginTop: 14 }}>
            <Code text={definition.transformation} label="transformation" />
          </div>
        )}
      </Section>
    </>
  );
}

function Recent({ data, id }: { data: Data; id: string }) {
  const navigate = useNavigate();
  const rows = data.webhookRequests.edges.map((edge) => edge.node);
  return (
    <Section title="Latest deliveries" actions={<Link to={`/log?definition=${id}`}>All in the log</Link>}>
      {rows.length === 0 ? (
        <p className="quiet">Nothing was sent yet. Send a test, or wait for an event that matches.</p>
      ) : (
        <DataTable
          label="Latest deliveries"
          rows={rows}
          keyOf={(row) => row.id}
          open={(row) => navigate(`/log/${row.number}`)}
          columns={[
            { head: "State", width: 120, cell: (row) => <Tag kind="request" state={row.state} bare /> },
            {
              head: "Number",
              width: 90,
              cell: (row) => (
                <Link className="plain num" to={`/log/${row.number}`}>
                  #{row.number}
                </Link>
              ),
            },
            { head: "Event type", cell: (row) => <span className="mono">{row.eventType}</span> },
            { head: "Answer", cell: (row) => row.attempts.edges[0]?.node.statusCode ?? row.attempts.edges[0]?.node.errorCode ?? "" },
            { head: "Created", align: "right", cell: (row) => <Moment at={row.createdAt} /> },
          ]}
        />
      )}
    </Section>
  );
}

export function Webhook() {
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const { can } = useSession();
  const { act } = useAct();
  const [{ data, error }, again] = useQuery({ query: DefinitionQuery, variables: { id } });
  const [task, setTask] = useState<EditorTask>();
  const [created, setCreated] = useState<Created>();
  const refresh = useCallback(() => again({ requestPolicy: "network-only" }), [again]);
  useEvery(LIVE_MS, refresh);
  const definition = data?.webhookDefinition;
  const back = { to: "/webhooks", label: "Webhooks" };
  if (error && !data) return <Failed error={error} retry={refresh} />;
  if (!data)
    return (
      <Page title="Webhook" back={back}>
        <LoadingRows />
      </Page>
    );
  if (!definition) {
    return (
      <Page title="Webhook" back={back}>
        <Empty icon={IconWebhookOff} title="There is no such webhook">
          It may have been deleted. Its deliveries are still in the log.
        </Empty>
      </Page>
    );
  }
  const stopped = definition.state !== "ACTIVE";
  const held = data.lanes.edges.map((edge) => edge.node).filter((lane) => lane.state !== "PAUSED");
  return (
    <Page
      name={definition.name}
      back={back}
      title={
        <>
          {definition.name} <Tag kind="definition" state={definition.state} />
        </>
      }
      hint={definition.description}
      actions={
        can("webhooks:write") && (
          <>
            <TestButton definition={definition} sent={refresh} />
            {stopped ? (
              <ActivateButton definitions={[definition]} activated={refresh} />
            ) : (
              <StopButton definition={definition} stopped={refresh} />
            )}
            <RecoverButton scope={{ webhooks: [definition], since: definition.stoppedAt ?? undefined }} closed={refresh} />
            <Button variant="default" leftSection={<IconPencil size={15} />} onClick={() => setTask({ kind: "edit", of: definition })}>
              Edit
            </Button>
            <Confirm
              title={`Delete ${definition.name}?`}
              confirmLabel="Delete webhook"
              button={(open) => (
                <Menu position="bottom-end" width={160}>
                  <Menu.Target>
                    <ActionButton label="More actions" icon={IconDots} size="lg" />
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item onClick={() => setTask({ kind: "copy", of: definition })}>Copy</Menu.Item>
                    <Menu.Item color="red" onClick={open}>
                      Delete…
                    </Menu.Item>
                  </Menu.Dropdown>
                </Menu>
              )}
              confirm={async () => {
                if (await act(DeleteDefinition, { input: { id: definition.id } }, `${definition.name} is deleted`)) navigate("/webhooks");
              }}
            >
              It takes no more events, and what is queued for it is not sent. Its deliveries stay in the log.
            </Confirm>
          </>
        )
      }
    >
      {created && <FirstSteps key={created.definition.id} created={created} close={() => setCreated(undefined)} />}
      {stopped && definition.stateReason !== null && (
        <Alert
          color={definition.state === "TOO_MANY_ERRORS" ? "red" : "gray"}
          variant="light"
          icon={<IconAlertTriangle size={18} />}
          mb="lg"
        >
          {definition.stateReason.replace(/^./, (first) => first.toUpperCase())}
          {definition.stoppedAt !== null && (
            <>
              {" "}
              since <Moment at={definition.stoppedAt} />. Events since then are not queued for it; activating it offers to send them.
            </>
          )}
        </Alert>
      )}
      {held.length > 0 && (
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle size={18} />} mb="lg">
          {plural(held.length, "lane")} held up,{" "}
          {plural(
            held.reduce((sum, lane) => sum + lane.pendingCount, 0),
            "request",
          )}{" "}
          behind. <Link to={`/lanes?definition=${definition.id}`}>Look at the lanes</Link>
        </Alert>
      )}
      <Facts
        facts={[
          ["Target", <CopyField key="target" text={targetOf(definition)} label="Copy the target" />],
          [
            "Code",
            <span key="code" className="mono">
              {definition.code}
            </span>,
          ],
          ["Last delivery", <Ago key="last" at={definition.lastAttemptAt} />],
          ["Success", <SuccessRate key="rate" calls={definition.totalCalls} errors={definition.totalErrors} />],
          definition.consecutiveErrors > 0 && [
            "Errors in a row",
            <Chip key="errors" tone="bad">
              {definition.consecutiveErrors}
            </Chip>,
          ],
        ]}
      />
      <Recent data={data} id={definition.id} />
      <Settings definition={definition} />
      <SigningSecret definition={definition} />
      <DefinitionEditor
        task={task}
        close={() => setTask(undefined)}
        saved={(saved, secret) => {
          setTask(undefined);
          if (saved.id !== definition.id) setCreated({ definition: saved, secret });
          if (saved.id === definition.id) refresh();
          else navigate(`/webhooks/${saved.id}`);
        }}
      />
    </Page>
  );
}
