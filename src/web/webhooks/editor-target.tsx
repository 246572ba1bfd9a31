import { SegmentedControl, Select, TextInput } from "@mantine/core";
import { type Choices, options } from "./choices.ts";
import type { FieldsProps } from "./editor-values.ts";

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
          data={options(choices.connections)}
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
          data={options(choices.scripts)}
          value={values.scriptId}
          error={issue("scriptId")}
          onChange={(scriptId) => set({ scriptId })}
        />
      )}
    </>
  );
}
