import { Button, JsonInput, Textarea, TextInput } from "@mantine/core";
import { IconBook2, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { ActionButton } from "../components/action-button.tsx";
import { jsonText } from "../components/code.tsx";
import { blank, parseJson, useForm } from "../components/form.ts";
import { Confirm, FormPanel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Problem, tell, useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { SettingsPage } from "../settings/area.tsx";

const TypesQuery = graphql(`
  query EventTypes($after: String) {
    eventTypes(first: 100, after: $after) {
      edges {
        node {
          id
          name
          description
          schema
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
type EventType = ResultOf<typeof TypesQuery>["eventTypes"]["edges"][number]["node"];
const CreateType = graphql(
  `
  mutation CreateEventType($input: CreateEventTypeInput!) {
    createEventType(input: $input) {
      __typename
      ... on EventType {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const UpdateType = graphql(
  `
  mutation UpdateEventType($input: UpdateEventTypeInput!) {
    updateEventType(input: $input) {
      __typename
      ... on EventType {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const DeleteType = graphql(
  `
  mutation DeleteEventType($input: DeleteEventTypeInput!) {
    deleteEventType(input: $input) {
      __typename
      ... on EventType {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);

export function EventTypes() {
  const list = useAllPages(TypesQuery, (data) => data.eventTypes);
  const { can } = useSession();
  const { act } = useAct();
  const [editing, setEditing] = useState<EventType | "new">();
  const form = useForm(() => ({ name: "", description: "", schema: "" }));
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (editing === "new") reset({ name: "", description: "", schema: "" });
    else if (editing)
      reset({ name: editing.name, description: editing.description ?? "", schema: editing.schema == null ? "" : jsonText(editing.schema) });
  }, [editing, reset]);

  async function submit() {
    const schema = parseJson(values.schema);
    if (!schema) return form.refuse("schema", "This is no JSON");
    const rest = { description: blank(values.description), schema: schema.value };
    const saved =
      editing === "new"
        ? await form.save(CreateType, { input: { name: values.name.trim(), ...rest } })
        : editing &&
          (await form.save(UpdateType, {
            input: {
              id: editing.id,
              ...form.changes((each) => ({ description: blank(each.description), schema: parseJson(each.schema)?.value ?? null })),
            },
          }));
    if (saved) {
      tell(`${saved.name} is saved`);
      setEditing(undefined);
      list.refresh();
    }
  }
  const writes = can("webhooks:write");
  const addButton = writes && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      New event type
    </Button>
  );
  return (
    <SettingsPage name="Event types" hint="The catalogue that people choose from when they set up a webhook." actions={addButton}>
      <Loaded of={list} retry={list.refresh}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconBook2} title="The catalogue is empty" action={addButton}>
              Events of any type are taken all the same, unless the organization refuses types that are not listed here.
            </Empty>
          ) : (
            <DataTable
              label="Event types"
              rows={[...rows].sort((a, b) => a.name.localeCompare(b.name))}
              keyOf={(row) => row.id}
              columns={[
                {
                  head: "Name",
                  label: "",
                  cell: (row) => (
                    <Link className="plain mono" to={`/log?type=${encodeURIComponent(row.name)}`} title="Its deliveries">
                      {row.name}
                    </Link>
                  ),
                },
                { head: "Description", cell: (row) => row.description },
                { head: "Schema", width: 90, cell: (row) => (row.schema == null ? <span className="quiet">none</span> : "JSON schema") },
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
                          confirmLabel="Delete event type"
                          button={(open) => <ActionButton label={`Delete ${row.name}`} icon={IconTrash} onClick={open} />}
                          confirm={async () => {
                            if (await act(DeleteType, { input: { id: row.id } }, `${row.name} is deleted`)) list.refresh();
                          }}
                        >
                          Webhooks that name it go on; it is only no longer offered.
                        </Confirm>
                      </span>
                    ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <FormPanel
        opened={editing !== undefined}
        close={() => setEditing(undefined)}
        title={editing === "new" ? "New event type" : "Edit event type"}
        submitLabel={editing === "new" ? "Create event type" : "Save"}
        submit={() => void submit()}
        form={form.form}
      >
        <TextInput
          label="Name"
          placeholder="order.created"
          data-autofocus
          classNames={{ input: "mono" }}
          disabled={editing !== "new"}
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
          description="For people who write receivers; not enforced"
          autosize
          minRows={6}
          maxRows={20}
          classNames={{ input: "mono" }}
          value={values.schema}
          error={issue("schema")}
          onChange={(schema) => set({ schema })}
        />
      </FormPanel>
    </SettingsPage>
  );
}
