/** Stopping: what it costs is said before, and it can be taken back without losing what came in between. */
import { Button } from "@mantine/core";
import { IconPlayerPause } from "@tabler/icons-react";
import { Confirm } from "../components/panel.tsx";
import { useAct } from "../graphql/act.ts";
import { type Definition, StopDefinitions } from "./documents.ts";

export const COST_OF_STOPPING = "Events that come while it is stopped are not queued for it.";

export function StopButton({ definition, stopped }: { definition: Definition; stopped: () => void }) {
  const { act } = useAct();
  return (
    <Confirm
      title={`Stop ${definition.name}?`}
      confirmLabel="Stop webhook"
      button={(open) => (
        <Button variant="default" leftSection={<IconPlayerPause size={15} />} onClick={open}>
          Stop
        </Button>
      )}
      confirm={async () => {
        const done = `${definition.name} is stopped; what is queued is kept`;
        if (await act(StopDefinitions, { input: { ids: [definition.id] } }, done)) stopped();
      }}
    >
      <strong>{COST_OF_STOPPING}</strong> What is queued already is kept, and goes on when you activate it again. You are then offered to
      send what it missed meanwhile, as far back as events are kept.
    </Confirm>
  );
}
