import { Button, Modal, Select } from "@mantine/core";
import { useState } from "react";
import { useAct } from "../graphql/act.ts";
import { useDefinitionNames } from "../webhooks/names.ts";
import { type Application, AssignDefinition } from "./documents.ts";

/** Gives a webhook to an application: from then on it takes that one's events alone. */
export function AssignDialog({ application, close, done }: { application: Application; close: () => void; done: () => void }) {
  const { act, busy } = useAct();
  const [id, setId] = useState<string | null>(null);
  const own = new Set(application.webhookDefinitions.edges.map((edge) => edge.node.id));
  const choices = useDefinitionNames().filter((each) => !own.has(each.id));
  return (
    <Modal opened onClose={close} title={`Give ${application.name} a webhook`} closeButtonProps={{ "aria-label": "Close" }}>
      <div style={{ display: "grid", gap: 16 }}>
        <Select
          label="Webhook"
          description={`It takes the events of ${application.uid} alone from then on, and ${application.name} sees and manages it in the portal.`}
          placeholder="Choose one"
          searchable
          nothingFoundMessage="No webhook of that name"
          data={choices.map((each) => ({ value: each.id, label: each.name }))}
          value={id}
          onChange={setId}
        />
        <div>
          <Button
            loading={busy}
            disabled={id === null}
            onClick={async () => {
              if (id === null) return;
              if (await act(AssignDefinition, { input: { id, applicationId: application.id } }, "The webhook is theirs")) done();
            }}
          >
            Give it to them
          </Button>
        </div>
      </div>
    </Modal>
  );
}
