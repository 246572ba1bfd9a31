// biome-ignore-all lint/correctness/useJsxKeyInIterable: facts are pairs of a name and an element, not lists of elements
import { Alert, Button, Menu } from "@mantine/core";
import { IconAlertTriangle, IconDots, IconPencil, IconWebhookOff } from "@tabler/icons-react";
import { useCallback, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { ActionButton } from "../components/action-button.tsx";
import { CopyField } from "../components/copy.tsx";
import { formatCapped } from "../components/format.ts";
import { Freshness } from "../components/live.tsx";
import { Facts, Page } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { Empty, Failed, LoadingRows } from "../components/states.tsx";
import { Chip, Tag } from "../components/tag.tsx";
import { Ago, Moment } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import { useFresh } from "../graphql/fresh.ts";
import { useSession } from "../session.tsx";
import { ActivateButton } from "../webhooks/activate.tsx";
import { DefinitionQuery, DeleteDefinition } from "../webhooks/documents.ts";
import type { EditorTask } from "../webhooks/editor.tsx";
import { DefinitionEditor } from "../webhooks/editor-lazy.tsx";
import { Figures } from "../webhooks/figures.tsx";
import { type Created, FirstSteps } from "../webhooks/first-steps.tsx";
import { HeldLanes } from "../webhooks/held-lanes.tsx";
import { History } from "../webhooks/history.tsx";
import { LastErrors, LatestDeliveries } from "../webhooks/latest.tsx";
import { RecoverButton } from "../webhooks/recover.tsx";
import { TestButton } from "../webhooks/send-test.tsx";
import { SettingsView } from "../webhooks/settings-view.tsx";
import { SigningSecret } from "../webhooks/signing-secret.tsx";
import { StopButton } from "../webhooks/stop.tsx";
import { SuccessRate } from "../webhooks/success-rate.tsx";
import classes from "./webhook.module.css";
import { targetOf } from "./webhooks.tsx";

export function Webhook() {
  const { id = "" } = useParams();
  const navigate = useNavigate();
  const { can } = useSession();
  const { act } = useAct();
  const { data, at, error, ask } = useFresh(DefinitionQuery, () => ({ id }), id);
  const [task, setTask] = useState<EditorTask>();
  const [created, setCreated] = useState<Created>();
  const refresh = useCallback(() => void ask(), [ask]);
  const definition = data?.webhookDefinition;
  const back = { to: "/webhooks", label: "Webhooks" };
  if (error !== undefined && !data) return <Failed error={error} retry={refresh} />;
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
  const { blocked } = data;
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
        <>
          <Freshness at={at} error={error} />
          {can("webhooks:write") && (
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
          )}
        </>
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
      {blocked.totalCount > 0 && (
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle size={18} />} mb="lg">
          {formatCapped(blocked.totalCount, blocked.totalCountCapped)} {blocked.totalCount === 1 ? "lane is" : "lanes are"} blocked: resend
          or skip what stands at the head. <Link to={`/lanes?view=blocked&definition=${definition.id}`}>Look at the lanes</Link>
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
          ["Success, all time", <SuccessRate key="rate" calls={definition.totalCalls} errors={definition.totalErrors} />],
          definition.consecutiveErrors > 0 && [
            "Errors in a row",
            <Chip key="errors" tone="bad">
              {definition.consecutiveErrors}
            </Chip>,
          ],
        ]}
      />
      <Figures id={definition.id} />
      <div className={classes["columns"]}>
        <LastErrors data={data} id={definition.id} />
        <HeldLanes data={data} id={definition.id} />
      </div>
      <LatestDeliveries data={data} id={definition.id} />
      <SettingsView definition={definition} />
      {can("admin") && <History key={definition.id} definition={definition} />}
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
