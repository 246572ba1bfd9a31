import { Checkbox, JsonInput, Select, TagsInput, Textarea } from "@mantine/core";
import { ScriptEditor } from "../components/script-editor.tsx";
import { DryRun } from "./dry-run.tsx";
import classes from "./editor.module.css";
import type { Choices } from "./editor-target.tsx";
import type { FieldsProps } from "./editor-values.ts";

interface PayloadProps extends FieldsProps {
  choices: Choices;
  definitionId: string | undefined;
}

export function PayloadFields({ values, set, issue, choices, definitionId }: PayloadProps) {
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
      {values.dialect === "STANDARD" && (
        <Checkbox.Group
          label="Signatures"
          value={values.signatureVersions}
          error={issue("signatureVersions")}
          onChange={(next) => set({ signatureVersions: next as typeof values.signatureVersions })}
        >
          <div className={classes["options"]} style={{ marginTop: 8 }}>
            <Checkbox value="V1" label="v1: HMAC-SHA256" description="One secret that both sides know" />
            <Checkbox value="V1A" label="v1a: Ed25519" description="The receiver needs only the public key" />
          </div>
        </Checkbox.Group>
      )}
      {values.dialect === "CRMCOM" && (
        <div className={classes["pair"]}>
          <Select
            label="Secret key"
            placeholder="None"
            clearable
            data={choices?.secretKeys.edges.map(({ node }) => ({ value: node.id, label: `${node.name} (…${node.lastFour})` })) ?? []}
            value={values.secretKeyId}
            error={issue("secretKeyId")}
            onChange={(secretKeyId) => set({ secretKeyId })}
          />
          <Select
            label="Form"
            allowDeselect={false}
            data={["SHA256 HEX", "SHA256 BASE64", "SHA1 HEX", "SHA1 BASE64"]}
            value={`${values.hmacAlgorithm} ${values.hmacEncoding}`}
            onChange={(form) => {
              const [hmacAlgorithm, hmacEncoding] = (form ?? "SHA256 HEX").split(" ") as ["SHA256", "HEX"];
              set({ hmacAlgorithm, hmacEncoding });
            }}
          />
        </div>
      )}
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
