import { JsonInput, Switch, Textarea, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { jsonText } from "../components/code.tsx";
import { blank, parseJson, useForm } from "../components/form.ts";
import { FormPanel } from "../components/panel.tsx";
import { pretty } from "../components/pretty.ts";
import { tell } from "../graphql/act.ts";
import { askExactly, performExactly } from "../graphql/exact.ts";
import { roundedNumber, textAt, Verbatim } from "../graphql/json-text.ts";
import { CreateType, type EventType, TypeText, UpdateType } from "./documents.ts";

const empty = () => ({ name: "", description: "", schema: "", examples: "", deprecated: false });

const valuesOf = (type: EventType) => ({
  name: type.name,
  description: type.description ?? "",
  schema: type.schema == null ? "" : jsonText(type.schema),
  examples: type.examples.length === 0 ? "" : jsonText(type.examples),
  deprecated: type.deprecated,
});

type Values = ReturnType<typeof valuesOf>;

const inputOf = (values: Values) => ({
  description: blank(values.description),
  // As they were typed, to the last digit.
  schema: parseJson(values.schema)?.value == null ? null : new Verbatim(values.schema),
  examples: parseJson(values.examples)?.value == null ? [] : new Verbatim(values.examples),
  deprecated: values.deprecated,
});

/** The same with the digits that were lost in reading it; undefined: none were. */
async function exactValues(type: EventType): Promise<Values | undefined> {
  const json = await askExactly(TypeText, { id: type.id });
  const [schema = "null", examples = "[]"] = ["schema", "examples"].map((name) => json && textAt(json, ["data", "node", name]));
  if (roundedNumber(schema) === undefined && roundedNumber(examples) === undefined) return undefined;
  const values = valuesOf(type);
  return {
    ...values,
    schema: values.schema === "" ? "" : (pretty(schema) ?? schema),
    examples: values.examples === "" ? "" : (pretty(examples) ?? examples),
  };
}

/** @param props.type "new", one to change, or undefined: closed */
export function EventTypeEditor({ type, close, saved }: { type: EventType | "new" | undefined; close: () => void; saved: () => void }) {
  const form = useForm<Values>(empty);
  const { values, set, issue, reset, refuse } = form;
  useEffect(() => {
    if (!type) return;
    reset(type === "new" ? empty() : valuesOf(type));
    if (type === "new") return;
    let left = false;
    void exactValues(type).then((exact) => {
      if (exact && !left) reset(exact);
    });
    return () => {
      left = true;
    };
  }, [type, reset]);

  async function submit() {
    if (!parseJson(values.schema)) return refuse("schema", "This is no JSON");
    const examples = parseJson(values.examples);
    if (!examples) return refuse("examples", "This is no JSON");
    if (examples.value !== null && !Array.isArray(examples.value)) return refuse("examples", "Write a list: [ … ], also for one example");
    const result =
      type === "new"
        ? await form.saveBy(() => performExactly(CreateType, { input: { name: values.name.trim(), ...inputOf(values) } }))
        : type && (await form.saveBy(() => performExactly(UpdateType, { input: { id: type.id, ...form.changes(inputOf) } })));
    if (result) {
      tell(`${result.name} is saved`);
      saved();
    }
  }

  return (
    <FormPanel
      opened={type !== undefined}
      close={close}
      size={640}
      title={type === "new" ? "New event type" : "Edit event type"}
      submitLabel={type === "new" ? "Create event type" : "Save"}
      submit={() => void submit()}
      form={form.form}
    >
      <TextInput
        label="Name"
        placeholder="order.created"
        data-autofocus
        classNames={{ input: "mono" }}
        disabled={type !== "new"}
        value={values.name}
        error={issue("name")}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <Textarea
        label="Description"
        autosize
        minRows={2}
        value={values.description}
        error={issue("description")}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <JsonInput
        label="JSON schema of the payload"
        description="For people who write receivers. Payloads are judged by it where the organization asks for that."
        autosize
        minRows={6}
        maxRows={20}
        classNames={{ input: "mono" }}
        value={values.schema}
        error={issue("schema")}
        onChange={(schema) => set({ schema })}
      />
      <JsonInput
        label="Examples"
        description="A list of payloads that fit the schema; tests of webhooks send the first"
        placeholder={'[\n  { "total": 120 }\n]'}
        autosize
        minRows={4}
        maxRows={16}
        classNames={{ input: "mono" }}
        value={values.examples}
        error={issue("examples")}
        onChange={(examples) => set({ examples })}
      />
      <Switch
        label="Deprecated"
        description="Nobody new should build on it; its events are taken and delivered as before"
        checked={values.deprecated}
        onChange={(event) => set({ deprecated: event.currentTarget.checked })}
      />
    </FormPanel>
  );
}
