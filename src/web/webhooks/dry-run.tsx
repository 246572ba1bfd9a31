import { Button, JsonInput, TextInput } from "@mantine/core";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useState } from "react";
import { Code, jsonText } from "../components/code.tsx";
import { parseJson } from "../components/form.ts";
import { formatDuration } from "../components/format.ts";
import { Refusal } from "../components/refusal.tsx";
import { Chip } from "../components/tag.tsx";
import { Problem, useAct } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import classes from "./dry-run.module.css";

const DryRunMutation = graphql(
  `
  mutation DryRun($input: DryRunTransformationInput!) {
    dryRunTransformation(input: $input) {
      __typename
      ... on TransformationResult {
        send
        body
        headers
        urlSuffix
        console
        error
        durationMs
      }
      ...Problem
    }
  }
`,
  [Problem],
);
type Result = Extract<ResultOf<typeof DryRunMutation>["dryRunTransformation"], { __typename: "TransformationResult" }>;

/** Tries a transformation on an event without sending or logging anything. */
export function DryRun({
  transformation,
  definitionId,
  eventType,
}: {
  transformation: string;
  definitionId: string | undefined;
  eventType?: string | undefined;
}) {
  const { act, busy, failure } = useAct({ inPlace: true });
  const [type, setType] = useState(eventType ?? "order.created");
  const [payload, setPayload] = useState('{\n  "total": 120\n}');
  const [result, setResult] = useState<Result>();
  const parsed = parseJson(payload);

  async function run() {
    const event = { type, entity: type.split(".")[0] ?? null, entityId: "18", payload: parsed?.value ?? null };
    const answer = await act(DryRunMutation, {
      input: { transformation, event, ...(definitionId === undefined ? {} : { webhookDefinitionId: definitionId }) },
    });
    if (answer) setResult(answer);
  }

  return (
    <div className={classes["frame"]}>
      <div className={classes["inputs"]}>
        <TextInput
          size="xs"
          label="Try it on the event type"
          value={type}
          onChange={(event) => setType(event.currentTarget.value)}
          classNames={{ input: "mono" }}
        />
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlayerPlay size={14} />}
          loading={busy}
          disabled={parsed === undefined}
          onClick={() => void run()}
        >
          Dry run
        </Button>
      </div>
      <JsonInput
        size="xs"
        mt={8}
        label="with the payload"
        autosize
        minRows={3}
        maxRows={12}
        value={payload}
        validationError="This is no JSON"
        classNames={{ input: "mono" }}
        onChange={setPayload}
      />
      <Refusal failure={failure} />
      {result && (
        <div className={classes["result"]} role="status">
          <p className={classes["verdict"]}>
            {result.error !== null ? (
              <Chip tone="bad">Failed</Chip>
            ) : result.send ? (
              <Chip tone="ok">Would send</Chip>
            ) : (
              <Chip tone="mute">Would send nothing</Chip>
            )}
            <span className="quiet num">{formatDuration(result.durationMs)}</span>
            {result.urlSuffix && <span className="mono">{result.urlSuffix}</span>}
          </p>
          {result.error !== null && <Code text={result.error} label="error" />}
          {result.send && <Code text={jsonText(result.body)} json label="body" />}
          {result.headers !== null && result.headers !== undefined && <Code text={jsonText(result.headers)} json label="headers" />}
          {result.console.length > 0 && <Code text={result.console.join("\n")} label="console" />}
        </div>
      )}
    </div>
  );
}
