/** A source of events: whoever posts to its URL makes one. */
import { Select, Textarea, TextInput } from "@mantine/core";
import { useEffect } from "react";
import { blank, useForm } from "../components/form.ts";
import { FormPanel } from "../components/panel.tsx";
import { ScriptEditor } from "../components/script-editor.tsx";
import { CreateInbound, UpdateInbound } from "./documents.ts";
import type { Source } from "./source-documents.ts";
import { SourceTrial } from "./source-trial.tsx";

type Preset = NonNullable<Source["verification"]>["preset"];

const PRESETS: Record<Preset, string> = {
  NONE: "Nothing: the key in the URL is all there is",
  STANDARD_WEBHOOKS: "Standard Webhooks",
  GITHUB: "GitHub",
  STRIPE: "Stripe",
  SHOPIFY: "Shopify",
  SLACK: "Slack",
  HMAC: "HMAC-SHA256 in a header of its own",
};

interface Values {
  name: string;
  description: string;
  eventType: string;
  preset: Preset;
  secret: string;
  header: string;
  encoding: "HEX" | "BASE64";
  dedupe: "none" | "header" | "path";
  dedupeBy: string;
  transformation: string;
}

function valuesOf(source: Source | "new"): Values {
  if (source === "new")
    return {
      ...{ name: "", description: "", eventType: "", preset: "NONE", secret: "", header: "", encoding: "HEX" },
      ...{ dedupe: "none", dedupeBy: "", transformation: "" },
    };
  const { verification, dedupe } = source;
  return {
    ...{ name: source.name, description: source.description ?? "", eventType: source.eventType ?? "", secret: "" },
    ...{ preset: verification?.preset ?? "NONE", header: verification?.header ?? "", encoding: verification?.encoding ?? "HEX" },
    dedupe: dedupe === null ? "none" : dedupe.header === null ? "path" : "header",
    dedupeBy: dedupe?.header ?? dedupe?.path ?? "",
    transformation: source.transformation ?? "",
  };
}

function inputOf(values: Values) {
  const { preset, dedupe, dedupeBy } = values;
  const [name, secret] = [blank(values.name), blank(values.secret)];
  return {
    // Absent: made of the event type, or as it was.
    ...(name === null ? {} : { name }),
    description: blank(values.description),
    eventType: values.eventType.trim(),
    verification: {
      preset,
      // Absent: the one that is stored stays.
      ...(preset === "NONE" || secret === null ? {} : { secret }),
      ...(preset === "HMAC" ? { header: values.header.trim(), encoding: values.encoding } : {}),
    },
    dedupe: dedupe === "none" ? null : { [dedupe]: dedupeBy.trim() },
    transformation: blank(values.transformation) === null ? null : values.transformation,
  };
}

interface EditorProps {
  /** "new", one to change, or undefined: closed. */
  source: Source | "new" | undefined;
  close: () => void;
  /** @param made the URL of a new one, to be shown once */
  saved: (made: { name: string; url: string } | undefined) => void;
}

export function SourceEditor({ source, close, saved }: EditorProps) {
  const form = useForm(() => valuesOf("new"));
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (source) reset(valuesOf(source));
  }, [source, reset]);

  async function submit() {
    if (source === "new") {
      const created = await form.save(CreateInbound, { input: { targetType: "EVENT", ...inputOf(values) } });
      if (created) saved({ name: created.inboundWebhook.name, url: created.targetUrl });
    } else if (source && (await form.save(UpdateInbound, { input: { id: source.id, ...form.changes(inputOf) } }))) saved(undefined);
  }

  const stored = source !== undefined && source !== "new" ? source.verification : null;
  const kept = stored !== null && stored.preset === values.preset && stored.secretLastFour !== null;
  return (
    <FormPanel
      opened={source !== undefined}
      close={close}
      size={640}
      title={source === "new" ? "New source of events" : "Edit source"}
      submitLabel={source === "new" ? "Create source" : "Save"}
      submit={() => void submit()}
      form={form.form}
    >
      <TextInput
        label="Name"
        placeholder="GitHub"
        data-autofocus
        value={values.name}
        error={issue("name")}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <TextInput
        label="Event type"
        description="Of the events that it makes; {header:x-github-event} and {path:type} are filled in from the post"
        placeholder="github.{header:x-github-event}"
        classNames={{ input: "mono" }}
        value={values.eventType}
        error={issue("eventType")}
        onChange={(event) => set({ eventType: event.currentTarget.value })}
      />
      <Select
        label="Signed by"
        description="A post that is not signed so is answered 401, and the log says why"
        allowDeselect={false}
        data={Object.entries(PRESETS).map(([value, label]) => ({ value, label }))}
        value={values.preset}
        error={issue("verification.preset")}
        onChange={(preset) => set({ preset: preset as Preset })}
      />
      {values.preset !== "NONE" && (
        <TextInput
          label="Secret"
          description={kept ? `Empty keeps the stored one, … ${stored.secretLastFour}` : "What the sender signs with; never shown again"}
          autoComplete="off"
          classNames={{ input: "mono" }}
          value={values.secret}
          error={issue("verification.secret")}
          onChange={(event) => set({ secret: event.currentTarget.value })}
        />
      )}
      {values.preset === "HMAC" && (
        <>
          <TextInput
            label="Header of the signature"
            placeholder="X-Signature"
            classNames={{ input: "mono" }}
            value={values.header}
            error={issue("verification.header")}
            onChange={(event) => set({ header: event.currentTarget.value })}
          />
          <Select
            label="Written as"
            allowDeselect={false}
            data={[
              { value: "HEX", label: "Hexadecimal" },
              { value: "BASE64", label: "Base64" },
            ]}
            value={values.encoding}
            onChange={(encoding) => set({ encoding: encoding === "BASE64" ? "BASE64" : "HEX" })}
          />
        </>
      )}
      <Select
        label="The same post again"
        description="Within 24 hours it is answered as the first was, and makes no further event"
        allowDeselect={false}
        data={[
          { value: "none", label: "Is a new event each time" },
          { value: "header", label: "Is told by a header" },
          { value: "path", label: "Is told by a place in the body" },
        ]}
        value={values.dedupe}
        onChange={(dedupe) => set({ dedupe: dedupe as Values["dedupe"] })}
      />
      {values.dedupe !== "none" && (
        <TextInput
          label={values.dedupe === "header" ? "Header that names the post" : "Place that names the post"}
          placeholder={values.dedupe === "header" ? "X-GitHub-Delivery" : "data.id"}
          classNames={{ input: "mono" }}
          value={values.dedupeBy}
          error={issue("dedupe")}
          onChange={(event) => set({ dedupeBy: event.currentTarget.value })}
        />
      )}
      <ScriptEditor
        label="Transformation"
        description="JavaScript; may be empty. Returns the event's fields, or null for no event."
        placeholder={"function transform(event) {\n  return { entity: 'order', entityId: String(event.payload.id) };\n}"}
        value={values.transformation}
        error={issue("transformation")}
        change={(transformation) => set({ transformation })}
      />
      <SourceTrial eventType={values.eventType} transformation={values.transformation} />
      <Textarea
        label="Description"
        autosize
        minRows={1}
        value={values.description}
        error={issue("description")}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
    </FormPanel>
  );
}
