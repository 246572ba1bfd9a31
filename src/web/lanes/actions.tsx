/** What an operator does with one lane. */
import { Button } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconPlayerSkipForward, IconRotateClockwise } from "@tabler/icons-react";
import { formatCount } from "../components/format.ts";
import { Confirm } from "../components/panel.tsx";
import { tellWithUndo } from "../components/undo.tsx";
import { useAct } from "../graphql/act.ts";
import { Resend, RetryNow, Skip } from "../request/documents.ts";
import classes from "./actions.module.css";
import { type Lane, PauseLane, ResumeLane } from "./documents.ts";

export function LaneActions({ lane, refresh }: { lane: Lane; refresh: () => void }) {
  const { act, busy } = useAct();
  const { head, state } = lane;
  const input = { id: lane.id };
  const name = [lane.webhookDefinition.name, lane.key].filter(Boolean).join(" ");
  const then = async (done: Promise<unknown>) => {
    await done;
    refresh();
  };
  async function pause(): Promise<void> {
    if (await act(PauseLane, { input })) tellWithUndo(`${name} is paused`, () => void resume());
    refresh();
  }
  async function resume(): Promise<void> {
    if (await act(ResumeLane, { input })) tellWithUndo(`${name} goes on`, () => void pause());
    refresh();
  }
  return (
    <div className={classes["actions"]}>
      {head && state === "WAITING" && (
        <Button
          size="compact-xs"
          loading={busy}
          leftSection={<IconRotateClockwise size={14} />}
          onClick={() => void then(act(RetryNow, { input: { id: head.id } }, `#${head.number} is tried now`))}
        >
          Retry now
        </Button>
      )}
      {head && state === "BLOCKED" && (
        <Button
          size="compact-xs"
          loading={busy}
          leftSection={<IconRotateClockwise size={14} />}
          onClick={() => void then(act(Resend, { input: { id: head.id } }, `#${head.number} is sent again`))}
        >
          Resend
        </Button>
      )}
      {head && (state === "WAITING" || state === "BLOCKED") && (
        <Confirm
          title={`Skip #${head.number}?`}
          confirmLabel="Skip"
          button={(open) => (
            <Button size="compact-xs" variant="default" leftSection={<IconPlayerSkipForward size={14} />} onClick={open}>
              Skip…
            </Button>
          )}
          confirm={() => then(act(Skip, { input: { id: head.id } }, `#${head.number} is skipped; the lane goes on`))}
        >
          The receiver never gets it, and the lane goes on with the {formatCount(lane.pendingCount)} behind it.
        </Confirm>
      )}
      {state === "PAUSED" ? (
        lane.reason === "PAUSED" && (
          <Button size="compact-xs" loading={busy} leftSection={<IconPlayerPlay size={14} />} onClick={() => void resume()}>
            Resume
          </Button>
        )
      ) : (
        <Button size="compact-xs" variant="default" loading={busy} leftSection={<IconPlayerPause size={14} />} onClick={() => void pause()}>
          Pause
        </Button>
      )}
    </div>
  );
}
