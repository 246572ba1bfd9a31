import { Fieldset, Select, Textarea, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { useQuery } from "urql";
import { parseJson, useForm } from "../components/form.ts";
import { FormPanel } from "../components/panel.tsx";
import { tell } from "../graphql/act.ts";
import { useReadNow } from "../graphql/read-now.ts";
import { DIALECTS } from "./dialects.ts";
import { ChoicesQuery, CreateDefinition, type Definition, DefinitionNow, UpdateDefinition } from "./documents.ts";
import classes from "./editor.module.css";
import { DeliveryFields } from "./editor-delivery.tsx";
import { EventFields } from "./editor-events.tsx";
import { PayloadFields } from "./editor-payload.tsx";
import { TargetFields } from "./editor-target.tsx";
import {
  copyOf,
  createInput,
  type EditorValues,
  emptyValues,
  type FieldsProps,
  suggestCode,
  updateInput,
  valuesOf,
} from "./editor-values.ts";

export type EditorTask = { kind: "create" } | { kind: "copy"; of: Definition } | { kind: "edit"; of: Definition };

const initial = (task: EditorTask): EditorValues =>
  task.kind === "create" ? emptyValues() : task.kind === "copy" ? copyOf(task.of) : valuesOf(task.of);

interface EditorProps {
  task: EditorTask | undefined;
  close: () => void;
  /** After saving; `secret` when one was made and must be shown, once. */
  saved: (definition: Definition, secret: string | null) => void;
}

/** The panel with every setting of a webhook. */
export function DefinitionEditor({ task, close, saved }: EditorProps) {
  const form = useForm(emptyValues);
  const { values, set, issue, reset } = form;
  const [{ data: choices }] = useQuery({ query: ChoicesQuery, pause: task === undefined });

  const reload = useReadNow(DefinitionNow, ({ webhookDefinition: now }) =>
    now ? { values: valuesOf(now), updatedAt: now.updatedAt } : undefined,
  );

  useEffect(() => {
    if (task) reset(initial(task), task.kind === "edit" ? task.of.updatedAt : undefined);
  }, [task, reset]);

  async function submit() {
    if (!task) return;
    if (values.filterMistake !== null) return form.refuse("filter", values.filterMistake);
    if (parseJson(values.properties) === undefined) return form.refuse("properties", "This is no JSON");
    if (task.kind === "edit") {
      const definition = await form.update(UpdateDefinition, { id: task.of.id, toInput: updateInput, reload });
      if (definition) {
        tell(`${definition.name} is saved`);
        saved(definition, null);
      }
    } else {
      const created = await form.save(CreateDefinition, { input: createInput({ ...values, headersTouched: values.headers.length > 0 }) });
      if (created) tell(`${created.definition.name} is made; events are matched from now on`);
      if (created) saved(created.definition, created.signingSecret);
    }
  }

  const fields: FieldsProps = { values, set, issue };
  const dialect = DIALECTS[values.dialect];
  return (
    <FormPanel
      opened={task !== undefined}
      close={close}
      size={680}
      title={task?.kind === "edit" ? `Edit ${task.of.name}` : task?.kind === "copy" ? `Copy ${task.of.name}` : "New webhook"}
      submitLabel={task?.kind === "edit" ? "Save" : "Create webhook"}
      submit={() => void submit()}
      form={form.form}
    >
      <div className={classes["pair"]}>
        <TextInput
          label="Name"
          data-autofocus
          value={values.name}
          error={issue("name")}
          onChange={(event) => {
            const name = event.currentTarget.value;
            set({ name, ...(values.codeTouched ? {} : { code: suggestCode(name) }) });
          }}
        />
        <TextInput
          label="Code"
          description={task?.kind === "edit" ? "Fixed since it was created" : "For programs; cannot change once saved"}
          inputWrapperOrder={["label", "input", "description", "error"]}
          classNames={{ input: "mono" }}
          value={values.code}
          error={issue("code")}
          disabled={task?.kind === "edit"}
          onChange={(event) => set({ code: event.currentTarget.value, codeTouched: true })}
        />
      </div>
      <Textarea
        label="Description"
        autosize
        minRows={1}
        value={values.description}
        error={issue("description")}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
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
      <Fieldset legend="Where it goes" variant="unstyled" className={classes["group"] ?? ""}>
        <TargetFields {...fields} choices={choices} />
      </Fieldset>
      <Fieldset legend="Which events" variant="unstyled" className={classes["group"] ?? ""}>
        <EventFields {...fields} choices={choices} />
      </Fieldset>
      <Fieldset legend="Order and retries" variant="unstyled" className={classes["group"] ?? ""}>
        <DeliveryFields {...fields} />
      </Fieldset>
      <Fieldset legend="What is sent" variant="unstyled" className={classes["group"] ?? ""}>
        <PayloadFields {...fields} choices={choices} definitionId={task?.kind === "edit" ? task.of.id : undefined} />
      </Fieldset>
    </FormPanel>
  );
}
