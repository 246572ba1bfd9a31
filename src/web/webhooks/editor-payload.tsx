import { JsonInput, TagsInput, Textarea } from "@mantine/core";
import { ScriptEditor } from "../components/script-editor.tsx";
import { DryRun } from "./dry-run.tsx";
import type { FieldsProps } from "./editor-values.ts";

interface PayloadProps extends FieldsProps {
  definitionId: string | undefined;
}

export function PayloadFields({ values, set, issue, definitionId }: PayloadProps) {
  return (
    <>
      <TagsInput
        label="Fields"
        description="Only these dotted paths of the payload are sent. None: the whole payload."
        placeholder={values.fieldsSet.length === 0 ? "customer.email" : ""}
        value={values.fieldsSet}
        error={issue("fieldsSet")}
        acceptValueOnBlur
        onChange={(fieldsSet) => set({ fieldsSet })}
      />
      <JsonInput
        label="Properties"
        description="A JSON object that goes with every delivery"
        placeholder='{"region": "eu"}'
        autosize
        minRows={2}
        maxRows={10}
        classNames={{ input: "mono" }}
        value={values.properties}
        error={issue("properties")}
        onChange={(properties) => set({ properties })}
      />
      <Textarea
        label="Payload query"
        description="A GraphQL query over the event; its data becomes the body"
        placeholder={'{ event { id type amount: payload(path: "total") } }'}
        autosize
        minRows={2}
        maxRows={12}
        classNames={{ input: "mono" }}
        value={values.payloadQuery}
        error={issue("payloadQuery")}
        onChange={(event) => set({ payloadQuery: event.currentTarget.value })}
      />
      <div>
        <ScriptEditor
          label="Transformation"
          description="JavaScript: transform(event) returns {body, headers?, urlSuffix?}, or null to send nothing"
          placeholder={"function transform(event) {\n  return { body: { id: event.id, total: event.payload.total } };\n}"}
          value={values.transformation}
          error={issue("transformation")}
          change={(transformation) => set({ transformation })}
        />
        {values.transformation.trim() !== "" && (
          <DryRun
            transformation={values.transformation}
            definitionId={definitionId}
            eventType={values.eventTypes.find((type) => !type.includes("*"))}
          />
        )}
      </div>
    </>
  );
}
