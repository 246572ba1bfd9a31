import { Autocomplete, Button, JsonInput, Modal } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { Body } from "../components/code.tsx";
import { parseJson } from "../components/form.ts";
import { formatDuration } from "../components/format.ts";
import { Refusal } from "../components/refusal.tsx";
import { Tag } from "../components/tag.tsx";
import { useAct } from "../graphql/act.ts";
import type { ResultOf } from "../graphql/tada.ts";
import { type Definition, SendTest } from "./documents.ts";
import { useExamples } from "./examples.ts";
import classes from "./send-test.module.css";

const NO_EXAMPLE = '{\n  "test": true\n}';

type Reply = Extract<ResultOf<typeof SendTest>["testWebhookDefinition"], { __typename: "WebhookRequest" }>;

/** Sends one event to the target at once, outside its lane, and shows what came back. */
export function TestButton({ definition, sent, size = "sm" }: { definition: Definition; sent: () => void; size?: "xs" | "sm" }) {
  const { act, busy, failure } = useAct({ inPlace: true });
  const [opened, setOpened] = useState(false);
  const examples = useExamples(definition.eventTypes, !opened);
  const named = definition.eventTypes.find((each) => !each.includes("*"));
  // What is typed; until then what the catalogue shows.
  const [typedType, setType] = useState<string>();
  const [typedPayload, setPayload] = useState<string>();
  const type = typedType ?? named ?? examples.find((each) => each.payload !== undefined)?.name ?? examples[0]?.name ?? "hookline.test";
  const payload = typedPayload ?? examples.find((each) => each.name === type)?.payload ?? NO_EXAMPLE;
  const [reply, setReply] = useState<Reply>();
  const parsed = parseJson(payload);
  const attempt = reply?.attempts.edges[0]?.node;

  async function send() {
    setReply(undefined);
    const result = await act(SendTest, {
      input: { id: definition.id, event: { type, entity: "test", entityId: "1", payload: parsed?.value ?? {} } },
    });
    if (result) {
      setReply(result);
      sent();
    }
  }

  return (
    <>
      <Button size={size} variant="default" leftSection={<IconSend size={size === "xs" ? 14 : 15} />} onClick={() => setOpened(true)}>
        Send a test
      </Button>
      <Modal
        opened={opened}
        onClose={() => setOpened(false)}
        title={`Test ${definition.name}`}
        size="lg"
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <p className={classes["hint"]}>
          One call, now, outside the lane: nothing that is queued waits for it. It is signed and logged like any other.
        </p>
        <div className={classes["form"]}>
          <Autocomplete
            label="Event type"
            data={examples.map((each) => each.name)}
            value={type}
            onChange={setType}
            classNames={{ input: "mono" }}
          />
          <JsonInput
            label="Payload"
            autosize
            minRows={3}
            maxRows={10}
            value={payload}
            onChange={setPayload}
            validationError="This is no JSON"
            classNames={{ input: "mono" }}
          />
          <Refusal failure={failure} />
          <div>
            <Button loading={busy} disabled={parsed === undefined} onClick={() => void send()} leftSection={<IconSend size={15} />}>
              Send
            </Button>
          </div>
        </div>
        {reply && (
          <section className={classes["reply"]} aria-label="Reply" aria-live="polite">
            <p className={classes["verdict"]}>
              <Tag kind="request" state={reply.state} />
              {attempt?.statusCode != null && <span className="num">HTTP {attempt.statusCode}</span>}
              {attempt && <span className="quiet num">{formatDuration(attempt.durationMs)}</span>}
              <Link to={`/log/${reply.number}`}>Request #{reply.number}</Link>
            </p>
            {reply.errorDescription !== null && <p className={classes["hint"]}>{reply.errorDescription}</p>}
            {attempt && <Body text={attempt.responseBody} label="response body" empty="The reply had no body." />}
          </section>
        )}
      </Modal>
    </>
  );
}
