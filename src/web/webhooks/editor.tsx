import { Fieldset, Textarea, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { Fold } from "../components/fold.tsx";
import { jsonMistake, useForm } from "../components/form.ts";
import { Pairs } from "../components/pairs.tsx";
import { FormPanel } from "../components/panel.tsx";
import { Partly } from "../components/states.tsx";
import { tell } from "../graphql/act.ts";
import { useReadNow } from "../graphql/read-now.ts";
import { useChoices } from "./choices.ts";
import { CreateDefinition, type Definition, DefinitionNow, UpdateDefinition } from "./documents.ts";
import classes from "./editor.module.css";
import { LimitFields, OrderingFields, RetryFields } from "./editor-delivery.tsx";
import { DialectFields } from "./editor-dialect.tsx";
import { EventFields, FilterFields } from "./editor-events.tsx";
import { PayloadFields } from "./editor-payload.tsx";
import type { EditorValues } from "./editor-shape.ts";
import { dialectLine, filterLine, headersLine, limitsLine, payloadLine, retriesLine } from "./editor-summaries.ts";
import { TargetFields } from "./editor-target.tsx";
import { copyOf, createInput, emptyValues, type FieldsProps, suggestCode, updateInput, valuesOf } from "./editor-values.ts";

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
  const { choices, error, retry } = useChoices(task === undefined);

  const reload = useReadNow(DefinitionNow, ({ webhookDefinition: now }) =>
    now ? { values: valuesOf(now), updatedAt: now.updatedAt } : undefined,
  );

  useEffect(() => {
    if (task) reset(initial(task), task.kind === "edit" ? task.of.updatedAt : undefined);
  }, [task, reset]);

  async function submit() {
    if (!task) return;
    if (values.filterMistake !== null) return form.refuse("filter", values.filterMistake);
    const mistake = values.properties === initial(task).properties ? null : jsonMistake(values.properties);
    if (mistake !== null) return form.refuse("properties", mistake);
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
  const wrong = (...paths: string[]): boolean => paths.some((path) => issue(path) !== undefined);
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
      <Partly of={{ error }} retry={retry} />
      <Fieldset legend="Where it goes" variant="unstyled" className={classes["group"] ?? ""}>
        <TargetFields {...fields} choices={choices} />
      </Fieldset>
      <Fieldset legend="Which events" variant="unstyled" className={classes["group"] ?? ""}>
        <EventFields {...fields} choices={choices} />
      </Fieldset>
      <Fieldset legend="In which order" variant="unstyled" className={classes["group"] ?? ""}>
        <OrderingFields {...fields} />
      </Fieldset>
      <Fold title="Filter" value={filterLine(values)} wrong={wrong("filter")}>
        <FilterFields {...fields} />
      </Fold>
      <Fold title="Retries" value={retriesLine(values)} wrong={wrong("retrySchedule", "onExhausted")}>
        <RetryFields {...fields} />
      </Fold>
      <Fold title="Timeout and stopping" value={limitsLine(values)} wrong={wrong("timeoutMs", "maxConsecutiveErrors", "errorsEmail")}>
        <LimitFields {...fields} />
      </Fold>
      <Fold title="Headers" value={headersLine(values)} wrong={wrong("headers")}>
        <Pairs noun="Header" pairs={values.headers} change={(headers) => set({ headersTouched: true, headers })} issue={issue} />
      </Fold>
      <Fold
        title="Dialect and signature"
        value={dialectLine(values)}
        wrong={wrong("dialect", "signatureVersions", "secretKeyId", "hmacAlgorithm", "hmacEncoding")}
      >
        <DialectFields {...fields} choices={choices} />
      </Fold>
      <Fold title="What is sent" value={payloadLine(values)} wrong={wrong("fieldsSet", "properties", "payloadQuery", "transformation")}>
        <PayloadFields {...fields} definitionId={task?.kind === "edit" ? task.of.id : undefined} />
      </Fold>
    </FormPanel>
  );
}
