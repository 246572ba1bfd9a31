import { Autocomplete, Button, JsonInput, Modal } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { parseJson } from "../components/form.ts";
import { formatDuration } from "../components/format.ts";
import { Refusal } from "../components/refusal.tsx";
import { Tag } from "../components/tag.tsx";
import { useAct } from "../graphql/act.ts";
import { performExactly } from "../graphql/exact.ts";
import { Verbatim } from "../graphql/json-text.ts";
import type { ResultOf } from "../graphql/tada.ts";
import { ReplyBody } from "../request/exchange.tsx";
import { saysMore } from "../request/sentence.ts";
import { type Definition, SendTest } from "./documents.ts";
import { useExamples } from "./examples.ts";
import classes from "./send-test.module.css";

const NO_EXAMPLE = '{\n  "test": true\n}';

type Reply = Extract<ResultOf<typeof SendTest>["testWebhookDefinition"], { __typename: "WebhookRequest" }>;

interface TestWindowProps {
  webhook: { id: string; name: string };
  /** To choose from, each with an example where the catalogue has one. */
  types: { name: string; payload: string | undefined }[];
  type: string;
  setType: (type: string) => void;
  /** JSON text that stands there until something is typed. */
  payload: string;
  /** What else the event has, as the API's input. */
  rest: object;
  opened: boolean;
  close: () => void;
  sent?: () => void;
}

/** Sends one event to the target at once, outside its lane, and shows what came back. The payload goes out as it is typed. */
export function TestWindow({ webhook, types, type, setType, payload: given, rest, opened, close, sent }: TestWindowProps) {
  const { run, busy, failure } = useAct({ inPlace: true });
  const [typed, setTyped] = useState<string>();
  const [reply, setReply] = useState<Reply>();
  const payload = typed ?? given;
  const parsed = parseJson(payload);
  const attempt = reply?.attempts.edges[0]?.node;

  async function send() {
    setReply(undefined);
    const event = { ...rest, type, payload: new Verbatim(payload.trim() === "" ? "{}" : payload) };
    const result = await run(() => performExactly(SendTest, { input: { id: webhook.id, event } }));
    if (result) {
      setReply(result);
      sent?.();
    }
  }

  return (
    <Modal opened={opened} onClose={close} title={`Test ${webhook.name}`} size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <p className={classes["hint"]}>
        One call, now, outside the lane: nothing that is queued waits for it. It is signed and logged like any other.
      </p>
      <div className={classes["form"]}>
        <Autocomplete
          label="Event type"
          data={types.map((each) => each.name)}
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
          onChange={setTyped}
          error={parsed === undefined && "This is no JSON"}
          data-autofocus={types.length === 0 || undefined}
          classNames={{ input: "mono" }}
        />
        {typed !== undefined && typed !== given && (
          <div>
            <Button size="compact-xs" variant="subtle" onClick={() => setTyped(undefined)}>
              Back to the payload as it was
            </Button>
          </div>
        )}
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
            <Link to={`/log/${reply.number}`} onClick={close}>
              Request #{reply.number}
            </Link>
          </p>
          {saysMore(reply.errorDescription) && <p className={classes["hint"]}>{reply.errorDescription}</p>}
          {attempt && <ReplyBody attempt={attempt} />}
        </section>
      )}
    </Modal>
  );
}

/** Of a webhook's page: with what the catalogue shows until something is typed. */
export function TestButton({ definition, sent, size = "sm" }: { definition: Definition; sent: () => void; size?: "xs" | "sm" }) {
  const [opened, setOpened] = useState(false);
  const examples = useExamples(definition.eventTypes, !opened);
  const named = definition.eventTypes.find((each) => !each.includes("*"));
  const [typedType, setType] = useState<string>();
  const type = typedType ?? named ?? examples.find((each) => each.payload !== undefined)?.name ?? examples[0]?.name ?? "hookline.test";
  return (
    <>
      <Button size={size} variant="default" leftSection={<IconSend size={size === "xs" ? 14 : 15} />} onClick={() => setOpened(true)}>
        Send a test
      </Button>
      <TestWindow
        webhook={definition}
        types={examples}
        type={type}
        setType={setType}
        payload={examples.find((each) => each.name === type)?.payload ?? NO_EXAMPLE}
        rest={{ entity: "test", entityId: "1" }}
        opened={opened}
        close={() => setOpened(false)}
        sent={sent}
      />
    </>
  );
}
