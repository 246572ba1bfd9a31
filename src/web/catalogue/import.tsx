/** Event types out of an OpenAPI or AsyncAPI document: looked at first, written after. */
import { Alert, FileInput, JsonInput } from "@mantine/core";
import { useState } from "react";
import { parseJson, useForm } from "../components/form.ts";
import { plural } from "../components/format.ts";
import { FormPanel } from "../components/panel.tsx";
import { tell } from "../graphql/act.ts";
import { performExactly } from "../graphql/exact.ts";
import { Verbatim } from "../graphql/json-text.ts";
import { ImportTypes } from "./documents.ts";

interface Plan {
  created: string[];
  updated: string[];
  unchanged: string[];
}

function Names({ title, names }: { title: string; names: string[] }) {
  if (names.length === 0) return null;
  return (
    <p style={{ margin: "4px 0", overflowWrap: "anywhere" }}>
      {title}: <span className="mono">{names.join(", ")}</span>
    </p>
  );
}

export function ImportPanel({ opened, close, done }: { opened: boolean; close: () => void; done: () => void }) {
  const form = useForm(() => ({ document: "" }));
  const { values, set, issue, reset, refuse } = form;
  const [plan, setPlan] = useState<Plan>();
  const write = (document: string) => {
    set({ document });
    // What was planned is the plan of another text.
    setPlan(undefined);
  };
  const end = () => {
    reset({ document: "" });
    setPlan(undefined);
    close();
  };

  async function submit() {
    const document = parseJson(values.document);
    if (!document || document.value === null) return refuse("document", "Give the document as JSON");
    const input = { document: new Verbatim(values.document), dryRun: plan === undefined };
    const result = await form.saveBy(() => performExactly(ImportTypes, { input }));
    if (!result) return;
    if (plan === undefined) return setPlan(result);
    tell(`${plural(result.created.length, "event type")} added, ${result.updated.length} changed`);
    end();
    done();
  }

  return (
    <FormPanel
      opened={opened}
      close={end}
      size={640}
      title="Import event types"
      submitLabel={plan === undefined ? "Check first" : "Import"}
      submit={() => void submit()}
      form={form.form}
    >
      <FileInput
        label="File"
        description="OpenAPI 3.1 with webhooks, or AsyncAPI 3, as JSON"
        placeholder="Choose a .json file"
        accept="application/json,.json"
        onChange={(file) => void file?.text().then(write)}
      />
      <JsonInput
        label="Or its text"
        placeholder={'{ "openapi": "3.1.0", "webhooks": { … } }'}
        autosize
        minRows={8}
        maxRows={18}
        classNames={{ input: "mono" }}
        value={values.document}
        error={issue("document")}
        onChange={write}
      />
      {plan && (
        <Alert variant="light" color="accent" role="status" title="Nothing is written yet. Importing would do this:">
          <Names title="Add" names={plan.created} />
          <Names title="Change" names={plan.updated} />
          <Names title="Leave as it is" names={plan.unchanged} />
          <p style={{ margin: "4px 0" }} className="quiet">
            Types that the document does not name stay as they are.
          </p>
        </Alert>
      )}
    </FormPanel>
  );
}
