/** The event of a request once more, with a payload that may be changed, as a call outside the lane. */
import { Button } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useState } from "react";
import { jsonText } from "../components/code.tsx";
import { pretty } from "../components/pretty.ts";
import type { EventTexts } from "../events/event-text.ts";
import { Verbatim } from "../graphql/json-text.ts";
import { TestWindow } from "../webhooks/send-test.tsx";
import type { RequestDetail } from "./documents.ts";

export function SendAsTest({ request, texts }: { request: RequestDetail; texts: EventTexts | undefined }) {
  const [opened, setOpened] = useState(false);
  const { event, webhookDefinition } = request;
  const [type, setType] = useState(event.type);
  const { entity, entityId, changes, actor, occurredAt } = event;
  const { previous, scope } = texts
    ? { previous: new Verbatim(texts.previous), scope: new Verbatim(texts.scope) }
    : { previous: event.previous, scope: event.scope };
  return (
    <>
      <Button variant="default" leftSection={<IconSend size={15} />} onClick={() => setOpened(true)}>
        Send as a test
      </Button>
      <TestWindow
        webhook={webhookDefinition}
        types={[]}
        type={type}
        setType={setType}
        payload={(texts && pretty(texts.payload)) ?? jsonText(event.payload)}
        rest={{ entity, entityId, changes, actor, occurredAt, previous, scope }}
        opened={opened}
        close={() => setOpened(false)}
      />
    </>
  );
}
