import { TagsInput, Textarea, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { blank, useForm } from "../components/form.ts";
import { FormPanel } from "../components/panel.tsx";
import { tell } from "../graphql/act.ts";
import { useReadNow } from "../graphql/read-now.ts";
import { useEventTypes } from "../webhooks/choices.ts";
import { FilterBuilder } from "../webhooks/filter-builder.tsx";
import { PortalCreate, PortalUpdate, type PortalWebhook, PortalWebhookQuery } from "./documents.ts";

interface Values {
  name: string;
  description: string;
  targetUrl: string;
  eventTypes: string[];
  filter: unknown;
  /** Why the filter cannot be saved as it stands. */
  filterMistake: string | null;
}

const valuesOf = (webhook: PortalWebhook | "new"): Values =>
  webhook === "new"
    ? { name: "", description: "", targetUrl: "", eventTypes: [], filter: null, filterMistake: null }
    : {
        name: webhook.name,
        description: webhook.description ?? "",
        targetUrl: webhook.targetUrl ?? "",
        eventTypes: webhook.eventTypes,
        filter: webhook.filter,
        filterMistake: null,
      };

/** Parts of a URL may be masked: one that was left alone is, like all that was, not sent back. */
const inputOf = ({ name, description, targetUrl, eventTypes, filter }: Values) => ({
  name: name.trim(),
  description: blank(description),
  targetUrl: targetUrl.trim(),
  eventTypes,
  filter,
});

interface EditorProps {
  /** "new", one to change, or undefined: closed. */
  webhook: PortalWebhook | "new" | undefined;
  close: () => void;
  /** @param secret of a new one, to be shown once */
  saved: (webhook: PortalWebhook, secret: string | null) => void;
}

export function PortalEditor({ webhook, close, saved }: EditorProps) {
  const form = useForm(() => valuesOf("new"));
  const { values, set, issue, reset } = form;
  const { data: eventTypes = [] } = useEventTypes(webhook === undefined);
  const reload = useReadNow(PortalWebhookQuery, ({ webhookDefinition: now }) =>
    now ? { values: valuesOf(now), updatedAt: now.updatedAt } : undefined,
  );
  useEffect(() => {
    if (webhook) reset(valuesOf(webhook), webhook === "new" ? undefined : webhook.updatedAt);
  }, [webhook, reset]);
  const names = eventTypes.map(({ name }) => name);

  async function submit() {
    if (values.filterMistake !== null) return form.refuse("filter", values.filterMistake);
    if (webhook === "new") {
      const created = await form.save(PortalCreate, { input: inputOf(values) });
      if (created) saved(created.definition, created.signingSecret);
    } else if (webhook) {
      const result = await form.update(PortalUpdate, { id: webhook.id, toInput: inputOf, reload });
      if (result) {
        tell(`${result.name} is saved`);
        saved(result, null);
      }
    }
  }

  return (
    <FormPanel
      opened={webhook !== undefined}
      close={close}
      size={600}
      title={webhook === "new" ? "New webhook" : "Edit webhook"}
      submitLabel={webhook === "new" ? "Create webhook" : "Save"}
      submit={() => void submit()}
      form={form.form}
    >
      <TextInput
        label="Name"
        data-autofocus
        value={values.name}
        error={issue("name")}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <TextInput
        label="Target URL"
        description="Where your server takes the events, by POST"
        type="url"
        placeholder="https://shop.example/hooks"
        classNames={{ input: "mono" }}
        value={values.targetUrl}
        error={issue("targetUrl")}
        onChange={(event) => set({ targetUrl: event.currentTarget.value })}
      />
      <TagsInput
        label="Event types"
        description="order.* takes all below order, * takes everything"
        placeholder={values.eventTypes.length === 0 ? "order.created" : ""}
        data={["*", ...names]}
        limit={200}
        value={values.eventTypes}
        error={issue("eventTypes")}
        acceptValueOnBlur
        splitChars={[",", " "]}
        onChange={(eventTypes) => set({ eventTypes })}
      />
      <Textarea
        label="Description"
        autosize
        minRows={1}
        value={values.description}
        error={issue("description")}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
      <div data-field>
        <p style={{ margin: "0 0 4px", fontWeight: 500 }} data-field-label>
          Only those where
        </p>
        <FilterBuilder
          key={webhook === undefined || webhook === "new" ? "new" : webhook.id}
          filter={values.filter}
          change={(filter, filterMistake) => set({ filter, filterMistake })}
          error={issue("filter")}
        />
      </div>
    </FormPanel>
  );
}
