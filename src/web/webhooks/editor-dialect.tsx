/** The form of the calls, and how they are signed. */
import { Checkbox, Select } from "@mantine/core";
import type { Choices } from "./choices.ts";
import { DIALECTS } from "./dialects.ts";
import classes from "./editor.module.css";
import type { EditorValues } from "./editor-shape.ts";
import type { FieldsProps } from "./editor-values.ts";

export function DialectFields({ values, set, issue, choices }: FieldsProps & { choices: Choices }) {
  const dialect = DIALECTS[values.dialect];
  return (
    <>
      <div>
        <Select
          label="Dialect"
          description={dialect.hint}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={Object.entries(DIALECTS).map(([value, each]) => ({ value, label: each.label }))}
          value={values.dialect}
          allowDeselect={false}
          error={issue("dialect")}
          onChange={(value) => set({ dialect: value as EditorValues["dialect"] })}
        />
        <dl className={classes["defaults"]}>
          <div>
            <dt>Success</dt>
            <dd>{dialect.success}</dd>
          </div>
          <div>
            <dt>Signature</dt>
            <dd>{dialect.signature}</dd>
          </div>
        </dl>
      </div>
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
            data={choices.secretKeys.map(({ id, name, lastFour }) => ({ value: id, label: `${name} (…${lastFour})` }))}
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
    </>
  );
}
