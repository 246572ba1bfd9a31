/** Stopping: what it costs is said before, and it can be taken back without losing what came in between. */
import { Button } from "@mantine/core";
import { IconPlayerPause } from "@tabler/icons-react";
import { Confirm } from "../components/panel.tsx";
import { tellWithUndo } from "../components/undo.tsx";
import { useAct } from "../graphql/act.ts";
import { ActivateDefinitions, type Definition, StopDefinitions } from "./documents.ts";

/** @param changed after the stop, and after it was taken back */
export function useStop(changed: () => void) {
  const { act, busy } = useAct();
  async function stop(definitions: readonly Definition[], done: string): Promise<void> {
    const result = await act(StopDefinitions, { input: { ids: definitions.map(({ id }) => id) } });
    if (!result) return;
    changed();
    const ids = definitions.filter((each) => each.state === "ACTIVE").map(({ id }) => id);
    const since = result.webhookDefinitions
      .flatMap(({ id, stoppedAt }) => (ids.includes(id) && stoppedAt !== null ? [stoppedAt] : []))
      .sort()[0];
    tellWithUndo(done, async () => {
      if (since === undefined) return;
      // What came in between is sent after all: nobody loses anything by a slip.
      if (await act(ActivateDefinitions, { input: { ids, recoverMissedSince: since } }, "Active again; nothing is missed")) changed();
    });
  }
  return { stop, busy };
}

export function StopButton({ definition, stopped }: { definition: Definition; stopped: () => void }) {
  const { stop } = useStop(stopped);
  return (
    <Confirm
      title={`Stop ${definition.name}?`}
      confirmLabel="Stop webhook"
      button={(open) => (
        <Button variant="default" leftSection={<IconPlayerPause size={15} />} onClick={open}>
          Stop
        </Button>
      )}
      confirm={() => stop([definition], `${definition.name} is stopped; what is queued is kept`)}
    >
      <strong>Events that come while it is stopped are not queued for it.</strong> What is queued already is kept, and goes on when you
      activate it again. You are then offered to send what it missed meanwhile, as far back as events are kept.
    </Confirm>
  );
}
