/** What a post would become, by the settings as they stand in the form. Writes nothing. */
import { Alert, Button, Textarea } from "@mantine/core";
import { useState } from "react";
import { Code, jsonText } from "../components/code.tsx";
import { blank } from "../components/form.ts";
import { useAct } from "../graphql/act.ts";
import { DryRun, type DryRunResult } from "./source-documents.ts";

export function SourceTrial({ eventType, transformation }: { eventType: string; transformation: string }) {
  const { act, busy } = useAct();
  const [body, setBody] = useState('{\n  "id": 18\n}');
  const [result, setResult] = useState<DryRunResult>();
  async function run() {
    setResult(undefined);
    const input = { eventType: eventType.trim(), body, transformation: blank(transformation) === null ? null : transformation };
    setResult(await act(DryRun, { input }));
  }
  return (
    <div style={{ display: "grid", gap: 10 }}>
      <Textarea
        label="Try a post"
        description="Its body; nothing is written, and no signature is asked for"
        autosize
        minRows={3}
        maxRows={10}
        classNames={{ input: "mono" }}
        value={body}
        onChange={(event) => setBody(event.currentTarget.value)}
      />
      <div>
        <Button variant="default" loading={busy} disabled={eventType.trim() === ""} onClick={() => void run()}>
          Dry run
        </Button>
      </div>
      {result?.error != null && (
        <Alert color="red" variant="light" role="status" title={`It would be answered ${result.status}`}>
          {result.error}
        </Alert>
      )}
      {result?.skipped && (
        <Alert variant="light" color="gray" role="status">
          The transformation returned null: there would be no event.
        </Alert>
      )}
      {result?.accepted && (
        <div role="status">
          <p style={{ margin: "0 0 6px" }}>
            It would be <span className="mono">{result.type}</span>
            {result.entityId !== null && ` of ${result.entity ?? ""} ${result.entityId}`}
          </p>
          <Code text={jsonText(result.payload)} json label="payload" />
        </div>
      )}
      {result !== undefined && result.console.length > 0 && <Code text={result.console.join("\n")} label="console" />}
    </div>
  );
}
