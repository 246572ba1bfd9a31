import { Alert, Button, Menu } from "@mantine/core";
import { IconDots, IconPencil, IconPlayerPause, IconPlayerPlay, IconSend, IconWebhookOff } from "@tabler/icons-react";
import { useCallback, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { ActionButton } from "../components/action-button.tsx";
import { Code, jsonText } from "../components/code.tsx";
import { ShownOnce } from "../components/copy.tsx";
import { formatCount } from "../components/format.ts";
import { Facts, Page } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { Empty, Failed, LoadingRows } from "../components/states.tsx";
import { Tag } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import { useFresh } from "../graphql/fresh.ts";
import { PortalActivate, PortalDelete, PortalRotate, PortalStop, PortalTest, type PortalWebhook, PortalWebhookQuery } from "./documents.ts";
import { PortalEditor } from "./editor.tsx";
import { PortalLogList } from "./log.tsx";
import { usePortal } from "./session.tsx";

interface ActionsProps {
  webhook: PortalWebhook;
  edit: () => void;
  changed: () => void;
  rotated: (secret: string) => void;
}

function Actions({ webhook, edit, changed, rotated }: ActionsProps) {
  const { act, busy } = useAct();
  const navigate = useNavigate();
  const { id, name, state } = webhook;
  const [rotating, setRotating] = useState(false);

  async function test() {
    const sent = await act(PortalTest, { input: { id } });
    if (sent) navigate(`/portal/requests/${sent.number}`);
  }
  async function toggle() {
    const input = { ids: [id] };
    const done =
      state === "ACTIVE"
        ? await act(PortalStop, { input }, `${name} is paused; what is queued is kept`)
        : await act(PortalActivate, { input }, `${name} is active`);
    if (done) changed();
  }
  return (
    <>
      <Button variant="default" leftSection={<IconSend size={15} />} loading={busy} onClick={() => void test()}>
        Send a test
      </Button>
      <Button
        variant="default"
        leftSection={state === "ACTIVE" ? <IconPlayerPause size={15} /> : <IconPlayerPlay size={15} />}
        onClick={() => void toggle()}
      >
        {state === "ACTIVE" ? "Pause" : "Activate"}
      </Button>
      <Button variant="default" leftSection={<IconPencil size={15} />} onClick={edit}>
        Edit
      </Button>
      <Confirm
        title={rotating ? `Rotate the secret of ${name}?` : `Delete ${name}?`}
        confirmLabel={rotating ? "Rotate secret" : "Delete webhook"}
        danger={!rotating}
        confirm={async () => {
          if (rotating) {
            const made = await act(PortalRotate, { input: { id } }, "There is a new secret");
            if (made) rotated(made.signingSecret);
          } else if (await act(PortalDelete, { input: { id } }, `${name} is deleted`)) navigate("/portal");
        }}
        button={(open) => (
          <Menu position="bottom-end" width={170}>
            <Menu.Target>
              <ActionButton label="More actions" icon={IconDots} />
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item
                onClick={() => {
                  setRotating(true);
                  open();
                }}
              >
                Rotate secret…
              </Menu.Item>
              <Menu.Item
                color="red"
                onClick={() => {
                  setRotating(false);
                  open();
                }}
              >
                Delete…
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      >
        {rotating
          ? "The new secret is shown once. Calls are signed with it from then on, and with the old one beside it for a while."
          : "Nothing more is sent to it, and what waits for it is cancelled."}
      </Confirm>
    </>
  );
}

function Body({ webhook, secret }: { webhook: PortalWebhook; secret: string | undefined }) {
  return (
    <>
      {secret !== undefined && <ShownOnce title={`Signing secret of ${webhook.name}`} text={secret} label="Copy the signing secret" />}
      {webhook.state === "TOO_MANY_ERRORS" && (
        <Alert color="red" variant="light" mb="lg" title="Stopped after too many errors">
          {webhook.stateReason ?? webhook.lastError}
        </Alert>
      )}
      <Facts
        facts={[
          [
            "Target",
            <span key="target" className="mono">
              {webhook.targetUrl}
            </span>,
          ],
          [
            "Events",
            <span key="events" className="mono">
              {webhook.eventTypes.join(", ")}
            </span>,
          ],
          ["Secret", webhook.signingSecretLastFour === null ? "None" : `… ${webhook.signingSecretLastFour}`],
          ["Calls", `${formatCount(webhook.totalCalls)}, ${formatCount(webhook.totalErrors)} failed`],
          ["Last call", <Ago key="last" at={webhook.lastAttemptAt} />],
        ]}
      />
      {webhook.filter != null && (
        <div style={{ marginTop: 18 }}>
          <Code text={jsonText(webhook.filter)} json label="filter" />
        </div>
      )}
      <PortalLogList webhookId={webhook.id} />
    </>
  );
}

export function PortalWebhookPage() {
  const { id = "" } = useParams();
  const { writes } = usePortal();
  // Asked again and again, not followed: its counts make no update, and beside the log's a second stream of each tab would
  // soon take all the connections that a browser has for a host.
  const { data, error, ask } = useFresh(PortalWebhookQuery, () => ({ id }), id);
  const again = useCallback(() => void ask(), [ask]);
  const [editing, setEditing] = useState<PortalWebhook>();
  const [secret, setSecret] = useState<string>();
  const webhook = data?.webhookDefinition;
  return (
    <Page
      back={{ to: "/portal", label: "Webhooks" }}
      name={webhook?.name ?? "Webhook"}
      title={
        webhook ? (
          <>
            {webhook.name} <Tag kind="definition" state={webhook.state} />
          </>
        ) : (
          "Webhook"
        )
      }
      hint={webhook?.description}
      actions={writes && webhook && <Actions webhook={webhook} edit={() => setEditing(webhook)} changed={again} rotated={setSecret} />}
    >
      {webhook ? (
        <Body webhook={webhook} secret={secret} />
      ) : webhook === null ? (
        <Empty icon={IconWebhookOff} title="There is no such webhook">
          It may have been deleted.
        </Empty>
      ) : error !== undefined ? (
        <Failed error={error} retry={again} />
      ) : (
        <LoadingRows />
      )}
      <PortalEditor
        webhook={editing}
        close={() => setEditing(undefined)}
        saved={() => {
          setEditing(undefined);
          again();
        }}
      />
    </Page>
  );
}
