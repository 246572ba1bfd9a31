/** Activating: whoever was stopped has missed events, and is offered to send them after all. */
import { Button, Checkbox, Modal } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { plural } from "../components/format.ts";
import { MomentInput } from "../components/moment-input.tsx";
import { Refusal } from "../components/refusal.tsx";
import { Moment } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import { ActivateDefinitions, type Definition } from "./documents.ts";
import classes from "./recover.module.css";
import { countOf, type Planned, PlanText, usePlan, usePlanning } from "./replay-plan.tsx";

interface QuestionProps {
  stopped: readonly Definition[];
  /** The first of their stops. */
  proposed: string;
  busy: boolean;
  activate: (since: string | undefined, plan: Planned | undefined) => void;
  keep: () => void;
}

function Question({ stopped, proposed, busy, activate, keep }: QuestionProps) {
  const [recover, setRecover] = useState(true);
  const [since, setSince] = useState(proposed);
  const inputs = useMemo(
    () => (since === "" ? null : stopped.map(({ id }) => ({ kind: "MISSED" as const, webhookDefinitionId: id, since }))),
    [stopped, since],
  );
  const { plan, failure } = usePlan(inputs);
  const ready = !recover || (since !== "" && plan !== undefined);
  return (
    <div className={classes["form"]}>
      <p className={classes["note"]}>
        {stopped.length === 1 ? "It was stopped" : "The first of them was stopped"} at <Moment at={proposed} />. Events that came since then
        were not queued for it. What is queued goes on now, blocked lanes too.
      </p>
      <Checkbox
        label="Also send what it missed"
        description="Behind what is queued, in the order of the events"
        checked={recover}
        onChange={(event) => setRecover(event.currentTarget.checked)}
      />
      {recover && (
        <>
          <MomentInput label="Missed since" value={since} change={setSince} error={failure?.issues["since"]} />
          <section aria-label="Plan" aria-live="polite">
            {plan ? (
              <PlanText plan={plan} noun="event" showShares={stopped.length > 1} />
            ) : (
              !failure && <p className={classes["plan"]}>Counting what was missed…</p>
            )}
          </section>
          <Refusal failure={failure} />
        </>
      )}
      <div className={classes["buttons"]}>
        <Button variant="default" onClick={keep}>
          Keep as it is
        </Button>
        <Button data-autofocus loading={busy} disabled={!ready} onClick={() => activate(recover ? since : undefined, plan)}>
          {recover && plan && plan.total > 0 ? `Activate and send ${countOf(plan)}` : "Activate only"}
        </Button>
      </div>
    </div>
  );
}

interface ActivateButtonProps {
  definitions: readonly Definition[];
  activated: () => void;
  size?: "xs" | "sm";
}

/** Asks only where something was missed. */
export function ActivateButton({ definitions, activated, size = "sm" }: ActivateButtonProps) {
  const { act, busy, failure } = useAct({ inPlace: true });
  const planning = usePlanning();
  const [looking, setLooking] = useState(false);
  const [asking, setAsking] = useState(false);
  const stopped = useMemo(() => definitions.filter((each) => each.stoppedAt !== null), [definitions]);
  const proposed = stopped.map((each) => each.stoppedAt ?? "").sort()[0];
  const what = definitions.length === 1 ? `${definitions[0]?.name} is` : `${plural(definitions.length, "webhook")}`;

  async function activate(since: string | undefined, plan: Planned | undefined) {
    const input = { ids: definitions.map(({ id }) => id), ...(since === undefined ? {} : { recoverMissedSince: since }) };
    const sends = since !== undefined && plan && plan.total > 0 ? `; ${countOf(plan)} missed events are being sent` : "";
    if (await act(ActivateDefinitions, { input }, `${what} active${sends}`)) {
      setAsking(false);
      activated();
    }
  }
  async function begin() {
    if (proposed === undefined) return void activate(undefined, undefined);
    setLooking(true);
    const result = await planning(stopped.map(({ id }) => ({ kind: "MISSED" as const, webhookDefinitionId: id, since: proposed })));
    setLooking(false);
    if ("plan" in result && result.plan.total === 0 && !result.plan.capped) void activate(undefined, undefined);
    else setAsking(true);
  }
  return (
    <>
      <Button
        size={size}
        variant="default"
        loading={busy || looking}
        leftSection={<IconPlayerPlay size={size === "xs" ? 14 : 15} />}
        onClick={() => void begin()}
      >
        Activate
      </Button>
      {!asking && <Refusal failure={failure} />}
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={definitions.length === 1 ? `Activate ${definitions[0]?.name}?` : `Activate ${plural(definitions.length, "webhook")}?`}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {proposed !== undefined && (
          <Question
            stopped={stopped}
            proposed={proposed}
            busy={busy}
            activate={(since, plan) => void activate(since, plan)}
            keep={() => setAsking(false)}
          />
        )}
        <Refusal failure={failure} />
      </Modal>
    </>
  );
}
