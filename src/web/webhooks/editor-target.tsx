import { ActionIcon, Button, SegmentedControl, Select, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import type { ResultOf } from "../graphql/tada.ts";
import type { ChoicesQuery } from "./documents.ts";
import classes from "./editor.module.css";
import type { FieldsProps } from "./editor.tsx";

export type Choices = ResultOf<typeof ChoicesQuery> | undefined;

export const options = (connection: { edges: { node: { id: string; name: string } }[] } | undefined) =>
  connection?.edges.map(({ node }) => ({ value: node.id, label: node.name })) ?? [];

export function TargetFields({ values, set, issue, choices }: FieldsProps & { choices: Choices }) {
  return (
    <>
      <SegmentedControl
        aria-label="Kind of target"
        value={values.target}
        onChange={(target) => set({ target: target as typeof values.target })}
        data={[
          { value: "url", label: "URL" },
          { value: "connection", label: "Connection" },
          ...(values.dialect === "SUPEROFFICE" || values.target === "script" ? [{ value: "script", label: "Script" }] : []),
        ]}
      />
      {values.target === "url" && (
        <TextInput
          label="Target URL"
          type="url"
          placeholder="https://shop.example/hooks"
          classNames={{ input: "mono" }}
          value={values.targetUrl}
          error={issue("targetUrl")}
          onChange={(event) => set({ targetUrl: event.currentTarget.value })}
        />
      )}
      {values.target === "connection" && (
        <Select
          label="Connection"
          description="Its URLs and headers are used, one URL per action"
          placeholder="Choose one"
          searchable
          data={options(choices?.connections)}
          value={values.connectionId}
          error={issue("connectionId")}
          onChange={(connectionId) => set({ connectionId })}
        />
      )}
      {values.target === "script" && (
        <Select
          label="Script"
          placeholder="Choose one"
          searchable
          data={options(choices?.scripts)}
          value={values.scriptId}
          error={issue("scriptId")}
          onChange={(scriptId) => set({ scriptId })}
        />
      )}
      <HeaderFields values={values} set={set} issue={issue} />
    </>
  );
}

function HeaderFields({ values, set, issue }: FieldsProps) {
  const edit = (index: number, part: Partial<(typeof values.headers)[number]>) =>
    set({ headersTouched: true, headers: values.headers.map((pair, at) => (at === index ? { ...pair, ...part } : pair)) });
  const masked = values.headersTouched && values.headers.some((pair) => /\*{3}|•/.test(pair.value));
  return (
    <div>
      <p className={classes["label"]}>Headers</p>
      {values.headers.map((pair, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: headers have no other name than their place while they are typed
        <div key={index} className={classes["row"]}>
          <TextInput
            aria-label={`Header ${index + 1}: name`}
            placeholder="Authorization"
            classNames={{ input: "mono" }}
            value={pair.name}
            error={issue(`headers.${pair.name}`)}
            onChange={(event) => edit(index, { name: event.currentTarget.value })}
          />
          <TextInput
            aria-label={`Header ${index + 1}: value`}
            placeholder="Bearer …"
            classNames={{ input: "mono" }}
            value={pair.value}
            onChange={(event) => edit(index, { value: event.currentTarget.value })}
          />
          <ActionIcon
            size="lg"
            aria-label={`Remove header ${index + 1}`}
            onClick={() => set({ headersTouched: true, headers: values.headers.filter((_, at) => at !== index) })}
          >
            <IconX size={15} />
          </ActionIcon>
        </div>
      ))}
      {masked && (
        <p className={classes["hint"]}>Secret values are not shown. As the headers are saved together, type the masked ones again.</p>
      )}
      {issue("headers") && <p className={classes["error"]}>{issue("headers")}</p>}
      <Button
        size="xs"
        variant="default"
        leftSection={<IconPlus size={14} />}
        onClick={() => set({ headersTouched: true, headers: [...values.headers, { name: "", value: "" }] })}
      >
        Add a header
      </Button>
    </div>
  );
}
