// biome-ignore-all lint/correctness/useJsxKeyInIterable: facts are pairs of a name and an element, not lists of elements
/** The settings of a webhook on its page, to read. */
import { Code, jsonText } from "../components/code.tsx";
import { formatDuration } from "../components/format.ts";
import { Facts, Section } from "../components/page.tsx";
import { DIALECTS, EXHAUSTIONS, ORDERINGS } from "./dialects.ts";
import type { WholeDefinition } from "./documents.ts";
import { Schedule } from "./schedule.tsx";

export function SettingsView({ definition }: { definition: WholeDefinition }) {
  const { policy } = definition;
  const headers = Object.entries((definition.headers ?? {}) as Record<string, string>);
  return (
    <>
      <Section title="What it takes">
        <Facts
          facts={[
            [
              "Event types",
              definition.eventTypes.length === 0 ? (
                "none of its own; workflow rules trigger it"
              ) : (
                <span className="mono">{definition.eventTypes.join(", ")}</span>
              ),
            ],
            [
              "Fields",
              definition.fieldsSet.length === 0 ? "the whole payload" : <span className="mono">{definition.fieldsSet.join(", ")}</span>,
            ],
          ]}
        />
        {definition.filter != null && (
          <div style={{ marginTop: 14 }}>
            <Code text={jsonText(definition.filter)} json label="filter" />
          </div>
        )}
      </Section>
      <Section title="How it delivers">
        <Facts
          facts={[
            ["Dialect", DIALECTS[definition.dialect].label],
            ["Ordering", ORDERINGS[policy.ordering].label + (policy.ordering === "NONE" ? `, ${policy.concurrency} at once` : "")],
            ["When attempts run out", EXHAUSTIONS[policy.onExhausted].label],
            ["Timeout", formatDuration(policy.timeoutMs)],
            ["Stops by itself", policy.maxConsecutiveErrors === null ? "never" : `after ${policy.maxConsecutiveErrors} errors in a row`],
            headers.length > 0 && [
              "Headers",
              <span key="headers" className="mono">
                {headers.map(([name, value]) => `${name}: ${value}`).join("\n")}
              </span>,
            ],
          ]}
        />
        <div style={{ marginTop: 16, maxWidth: 560 }}>
          <Schedule waits={policy.retrySchedule} />
        </div>
        {definition.transformation !== null && (
          <div style={{ marginTop: 14 }}>
            <Code text={definition.transformation} label="transformation" />
          </div>
        )}
      </Section>
    </>
  );
}
