import { Button, TextInput } from "@mantine/core";
import { IconCode, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { ActionButton } from "../components/action-button.tsx";
import { useForm } from "../components/form.ts";
import { Section } from "../components/page.tsx";
import { Confirm, FormPanel } from "../components/panel.tsx";
import { ScriptEditor } from "../components/script-editor.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Ago } from "../components/time.tsx";
import { Problem, tell, useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { useReadNow } from "../graphql/read-now.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { WebhooksPage } from "../webhooks/area.tsx";
import { DryRun } from "../webhooks/dry-run.tsx";

const ScriptsQuery = graphql(`
  query Scripts($after: String) {
    scripts(first: 100, after: $after) {
      edges {
        node {
          id
          name
          source
          updatedAt
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
type Script = ResultOf<typeof ScriptsQuery>["scripts"]["edges"][number]["node"];
const ScriptNow = graphql(`
  query ScriptNow($id: ID!) {
    node(id: $id) {
      __typename
      ... on Script {
        name
        source
        updatedAt
      }
    }
  }
`);
const inputOf = ({ name, source }: Pick<Script, "name" | "source">) => ({ name: name.trim(), source });
const CreateScript = graphql(
  `
  mutation CreateScript($input: CreateScriptInput!) {
    createScript(input: $input) {
      __typename
      ... on Script {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const UpdateScript = graphql(
  `
  mutation UpdateScript($input: UpdateScriptInput!) {
    updateScript(input: $input) {
      __typename
      ... on Script {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const DeleteScript = graphql(
  `
  mutation DeleteScript($input: DeleteScriptInput!) {
    deleteScript(input: $input) {
      __typename
      ... on Script {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const EXAMPLE = "function transform(event) {\n  return { body: { id: event.id, total: event.payload.total } };\n}\n";

function Playground() {
  const [source, setSource] = useState(EXAMPLE);
  return (
    <Section
      title="Try a transformation"
      hint="JavaScript that makes the body of a webhook's calls. It runs in a sandbox of its own: one second, 32 MiB, no network. When it does what you want, paste it into the webhook."
    >
      <div style={{ maxWidth: 720 }}>
        <ScriptEditor label="transform(event)" value={source} change={setSource} />
        <DryRun transformation={source} definitionId={undefined} />
      </div>
    </Section>
  );
}

export function Scripts() {
  const list = useAllPages(ScriptsQuery, (data) => data.scripts);
  const { can } = useSession();
  const { act } = useAct();
  const [editing, setEditing] = useState<Script | "new">();
  const form = useForm(() => ({ name: "", source: "" }));
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (editing === "new") reset({ name: "", source: "" });
    else if (editing) reset({ name: editing.name, source: editing.source }, editing.updatedAt);
  }, [editing, reset]);
  const reload = useReadNow(ScriptNow, ({ node }) =>
    node?.__typename === "Script" ? { values: { name: node.name, source: node.source }, updatedAt: node.updatedAt } : undefined,
  );

  async function submit() {
    const saved =
      editing === "new"
        ? await form.save(CreateScript, { input: inputOf(values) })
        : editing && (await form.update(UpdateScript, { id: editing.id, toInput: inputOf, reload }));
    if (saved) {
      tell(`${saved.name} is saved`);
      setEditing(undefined);
      list.refresh();
    }
  }
  const writes = can("webhooks:write");
  const addButton = writes && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      New script
    </Button>
  );
  return (
    <WebhooksPage name="Scripts" hint="JavaScript that a webhook runs in place of a call (SuperOffice's crmscript)." actions={addButton}>
      <Loaded of={list} retry={list.refresh} rows={3}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconCode} title="No scripts yet" action={addButton}>
              The event's properties are globals; the value of the last expression is the result.
            </Empty>
          ) : (
            <DataTable
              label="Scripts"
              rows={rows}
              keyOf={(row) => row.id}
              columns={[
                { head: "Name", label: "", width: "24%", cell: (row) => <strong style={{ fontWeight: 580 }}>{row.name}</strong> },
                { head: "Source", cell: (row) => <span className="mono quiet">{row.source.trim().split("\n")[0]?.slice(0, 90)}</span> },
                { head: "Changed", width: 120, cell: (row) => <Ago at={row.updatedAt} /> },
                {
                  head: "",
                  label: "Actions",
                  align: "right",
                  width: 84,
                  cell: (row) =>
                    writes && (
                      <span style={{ whiteSpace: "nowrap" }}>
                        <ActionButton label={`Edit ${row.name}`} icon={IconPencil} onClick={() => setEditing(row)} />
                        <Confirm
                          title={`Delete ${row.name}?`}
                          confirmLabel="Delete script"
                          button={(open) => <ActionButton label={`Delete ${row.name}`} icon={IconTrash} onClick={open} />}
                          confirm={async () => {
                            if (await act(DeleteScript, { input: { id: row.id } }, `${row.name} is deleted`)) list.refresh();
                          }}
                        >
                          This is refused while a webhook runs it.
                        </Confirm>
                      </span>
                    ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <Playground />
      <FormPanel
        opened={editing !== undefined}
        close={() => setEditing(undefined)}
        title={editing === "new" ? "New script" : "Edit script"}
        submitLabel={editing === "new" ? "Create script" : "Save"}
        submit={() => void submit()}
        form={form.form}
        size={720}
      >
        <TextInput
          label="Name"
          data-autofocus
          value={values.name}
          error={issue("name")}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <ScriptEditor label="Source" minRows={14} value={values.source} error={issue("source")} change={(source) => set({ source })} />
      </FormPanel>
    </WebhooksPage>
  );
}
