/** Holding up and letting go all deliveries: on the organization's page, and as a banner on every page while they are held up. */
import { Alert, Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { useEvery } from "../components/clock.ts";
import { blank } from "../components/form.ts";
import { Confirm } from "../components/panel.tsx";
import { Ago } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import { useSession } from "../session.tsx";
import { PauseAll, ResumeAll } from "./documents.ts";

/** Somebody else may pause or resume: milliseconds until a page knows. */
const ASKED_MS = 15_000;

function Resume() {
  const { can } = useSession();
  const { act, busy } = useAct();
  if (!can("webhooks:write")) return null;
  return (
    <Button size="xs" loading={busy} onClick={() => void act(ResumeAll, { input: {} }, "Deliveries go on, in the order of each lane")}>
      Resume all deliveries
    </Button>
  );
}

export function PausedBanner() {
  const { viewer, refresh } = useSession();
  useEvery(ASKED_MS, refresh);
  const since = viewer.organization.deliveriesPausedAt;
  if (since === null) return null;
  return (
    <Alert color="yellow" variant="light" role="status" title="All deliveries are paused" m="md">
      <p style={{ margin: "0 0 8px" }}>
        Since <Ago at={since} /> nothing is sent. Events are taken and wait in their lanes.
      </p>
      <Resume />
    </Alert>
  );
}

export function PauseButton() {
  const { viewer, can } = useSession();
  const { act } = useAct();
  const [reason, setReason] = useState("");
  const since = viewer.organization.deliveriesPausedAt;
  if (since !== null)
    return (
      <p style={{ margin: 0 }}>
        Paused <Ago at={since} />.
      </p>
    );
  if (!can("webhooks:write")) return <p style={{ margin: 0 }}>Deliveries go on.</p>;
  return (
    <Confirm
      title="Pause all deliveries?"
      confirmLabel="Pause all deliveries"
      button={(open) => (
        <Button variant="default" onClick={open}>
          Pause all deliveries…
        </Button>
      )}
      confirm={async () => {
        if (await act(PauseAll, { input: { reason: blank(reason) } }, "All deliveries are paused")) setReason("");
      }}
    >
      <p style={{ marginTop: 0 }}>
        What is being sent ends, and then nothing more is sent to any webhook until somebody resumes. Events are taken and queued as before;
        tests go out all the same.
      </p>
      <TextInput
        label="Why"
        description="For the audit log; may be empty"
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </Confirm>
  );
}
