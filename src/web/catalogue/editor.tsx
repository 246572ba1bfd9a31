import { JsonInput, Switch, Textarea, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { jsonText } from "../components/code.tsx";
import { blank, parseJson, useForm } from "../components/form.ts";
import { FormPanel } from "../components/panel.tsx";
import { tell } from "../graphql/act.ts";
import { CreateType, type EventType, UpdateType } from "./documents.ts";

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
  schema: parseJson(values.schema)?.value,
  examples: (parseJson(values.examples)?.value ?? []) as unknown[],
  deprecated: values.deprecated,
});

/** @param props.type "new", one to change, or undefined: closed */
export function EventTypeEditor({ type, close, saved }: { type: EventType | "new" | undefined; close: () => void; saved: () => void }) {
  const form = useForm<Values>(empty);
  const { values, set, issue, reset, refuse } = form;
  useEffect(() => {
    if (type) reset(type === "new" ? empty() : valuesOf(type));
  }, [type, reset]);

  async function submit() {
    if (!parseJson(values.schema)) return refuse("schema", "This is no JSON");
    const examples = parseJson(values.examples);
    if (!examples) return refuse("examples", "This is no JSON");
    if (examples.value !== null && !Array.isArray(examples.value)) return refuse("examples", "Write a list: [ … ], also for one example");
    const result =
      type === "new"
        ? await form.save(CreateType, { input: { name: values.name.trim(), ...inputOf(values) } })
        : type && (await form.save(UpdateType, { input: { id: type.id, ...form.changes(inputOf) } }));
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
