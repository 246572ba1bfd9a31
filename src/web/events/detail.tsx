/** One event: what came in, where it went, and sending it to a webhook as a test. */
import { Button, Drawer, Select } from "@mantine/core";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useQuery } from "urql";
import { Code, jsonText } from "../components/code.tsx";
import { CopyField } from "../components/copy.tsx";
import { formatMoment } from "../components/format.ts";
import { Facts, Section } from "../components/page.tsx";
import { pretty } from "../components/pretty.ts";
import { Loaded } from "../components/states.tsx";
import { useAct } from "../graphql/act.ts";
import { performExactly } from "../graphql/exact.ts";
import { Verbatim } from "../graphql/json-text.ts";
import { useSession } from "../session.tsx";
import { SendTest } from "../webhooks/documents.ts";
import { useDefinitionNames } from "../webhooks/names.ts";
import { type EventDetail, EventQuery } from "./documents.ts";
import { type EventTexts, useEventText } from "./event-text.ts";
import { Went } from "./went.tsx";

function SendTo({ event, texts }: { event: EventDetail; texts: EventTexts | undefined }) {
  const { run, busy } = useAct();
  const navigate = useNavigate();
  const names = useDefinitionNames();
  const [id, setId] = useState<string | null>(null);
  const { type, entity, entityId, changes, actor, occurredAt } = event;
  async function send() {
    if (id === null || !texts) return;
    const json = {
      payload: new Verbatim(texts.payload),
      previous: new Verbatim(texts.previous),
      scope: new Verbatim(texts.scope),
    };
    const input = { id, event: { type, entity, entityId, changes, actor, occurredAt, ...json } };
    const sent = await run(() => performExactly(SendTest, { input }), "It was sent");
    if (sent) navigate(`/log/${sent.number}`);
  }
  return (
    <div style={{ display: "grid", gap: 10, maxWidth: 360 }}>
      <Select
        label="Webhook"
        placeholder="Choose one"
        searchable
        data={names.map((each) => ({ value: each.id, label: each.name }))}
        value={id}
        onChange={setId}
      />
      <div>
        <Button loading={busy} disabled={id === null || !texts} onClick={() => void send()}>
          Send as a test
        </Button>
      </div>
    </div>
  );
}

/** @param mark a text that was searched for in payloads, or "" */
export function EventPanel({ id, mark, close }: { id: string; mark: string; close: () => void }) {
  const { can } = useSession();
  const texts = useEventText(id);
  const [result, again] = useQuery({ query: EventQuery, variables: { id } });
  const shown = (field: "payload" | "previous", event: EventDetail) => (texts && pretty(texts[field])) ?? jsonText(event[field]);
  return (
    <Drawer opened onClose={close} size={640} title="Event" closeButtonProps={{ "aria-label": "Close" }}>
      <Loaded of={result} retry={() => again({ requestPolicy: "network-only" })}>
        {({ event }) =>
          event === null ? (
            <p className="quiet">There is no such event, or retention has taken it.</p>
          ) : (
            <>
              <Facts
                facts={[
                  [
                    "Type",
                    <span key="type" className="mono">
                      {event.type}
                    </span>,
                  ],
                  ["Entity", event.entityId === null ? event.entity : `${event.entity ?? ""} ${event.entityId}`],
                  ["Accepted", formatMoment(event.createdAt)],
                  ["Occurred", formatMoment(event.occurredAt)],
                  event.actor !== null && (["Actor", event.actor] as const),
                  event.changes.length > 0 && (["Changed", event.changes.join(", ")] as const),
                  ["Id", <CopyField key="id" text={event.id} label="Copy the id" />],
                ]}
              />
              <Section title="Payload">
                <Code text={shown("payload", event)} json label="payload" mark={mark} />
              </Section>
              {event.previous != null && (
                <Section title="Before the change">
                  <Code text={shown("previous", event)} json label="previous" />
                </Section>
              )}
              <Section title="Where it went">
                <Went requests={event.requests} />
              </Section>
              {can("webhooks:write") && (
                <Section
                  title="Send it to a webhook"
                  hint={
                    <>
                      One call at once, outside the lane. To deliver what a webhook missed, replay it from the <Link to="/log">log</Link>.
                    </>
                  }
                >
                  <SendTo event={event} texts={texts} />
                </Section>
              )}
            </>
          )
        }
      </Loaded>
    </Drawer>
  );
}
