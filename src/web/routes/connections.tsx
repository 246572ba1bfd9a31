import { Button, TextInput } from "@mantine/core";
import { IconPencil, IconPlug, IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { ActionButton } from "../components/action-button.tsx";
import { blank, useForm } from "../components/form.ts";
import { fromPairs, type Pair, Pairs, toPairs } from "../components/pairs.tsx";
import { Confirm, FormPanel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Problem, tell, useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { useReadNow } from "../graphql/read-now.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { WebhooksPage } from "../webhooks/area.tsx";

const ConnectionFields = graphql(`
  fragment ConnectionFields on Connection {
    id
    name
    urlAdded
    urlEdited
    urlDeleted
    urlStatus
    headers
    updatedAt
  }
`);
type Connection = ResultOf<typeof ConnectionFields>;
const ConnectionsQuery = graphql(
  `
  query Connections($after: String) {
    connections(first: 100, after: $after) {
      edges {
        node {
          ...ConnectionFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [ConnectionFields],
);
const ConnectionNow = graphql(
  `
  query ConnectionNow($id: ID!) {
    node(id: $id) {
      __typename
      ... on Connection {
        ...ConnectionFields
      }
    }
  }
`,
  [ConnectionFields],
);
const CreateConnection = graphql(
  `
  mutation CreateConnection($input: CreateConnectionInput!) {
    createConnection(input: $input) {
      __typename
      ... on Connection {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const UpdateConnection = graphql(
  `
  mutation UpdateConnection($input: UpdateConnectionInput!) {
    updateConnection(input: $input) {
      __typename
      ... on Connection {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const DeleteConnection = graphql(
  `
  mutation DeleteConnection($input: DeleteConnectionInput!) {
    deleteConnection(input: $input) {
      __typename
      ... on Connection {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);

const URLS = [
  ["urlAdded", "Added"],
  ["urlEdited", "Edited"],
  ["urlDeleted", "Deleted"],
  ["urlStatus", "Status changed"],
] as const;
interface Values {
  name: string;
  urlAdded: string;
  urlEdited: string;
  urlDeleted: string;
  urlStatus: string;
  headers: Pair[];
}
const empty = (): Values => ({ name: "", urlAdded: "", urlEdited: "", urlDeleted: "", urlStatus: "", headers: [] });

const valuesOf = ({ name, urlAdded, urlEdited, urlDeleted, urlStatus, headers }: Connection): Values => ({
  name,
  urlAdded: urlAdded ?? "",
  urlEdited: urlEdited ?? "",
  urlDeleted: urlDeleted ?? "",
  urlStatus: urlStatus ?? "",
  headers: toPairs(headers),
});
const inputOf = (values: Values) => ({
  name: values.name.trim(),
  urlAdded: blank(values.urlAdded),
  urlEdited: blank(values.urlEdited),
  urlDeleted: blank(values.urlDeleted),
  urlStatus: blank(values.urlStatus),
  headers: fromPairs(values.headers),
});

export function Connections() {
  const list = useAllPages(ConnectionsQuery, (data) => data.connections);
  const { can } = useSession();
  const { act } = useAct();
  const [editing, setEditing] = useState<Connection | "new">();
  const form = useForm(empty);
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (editing === "new") reset(empty());
    else if (editing) reset(valuesOf(editing), editing.updatedAt);
  }, [editing, reset]);
  const reload = useReadNow(ConnectionNow, ({ node }) =>
    node?.__typename === "Connection" ? { values: valuesOf(node), updatedAt: node.updatedAt } : undefined,
  );

  async function submit() {
    const saved =
      editing === "new"
        ? await form.save(CreateConnection, { input: inputOf(values) })
        : editing && (await form.update(UpdateConnection, { id: editing.id, toInput: inputOf, reload }));
    if (saved) {
      tell(`${saved.name} is saved`);
      setEditing(undefined);
      list.refresh();
    }
  }
  const writes = can("webhooks:write");
  const addButton = writes && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      New connection
    </Button>
  );
  return (
    <WebhooksPage name="Connections" hint="A target that several webhooks share: a URL per action, and headers." actions={addButton}>
      <Loaded of={list} retry={list.refresh}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconPlug} title="No connections yet" action={addButton}>
              Change a URL once here, and every webhook that uses the connection follows.
            </Empty>
          ) : (
            <DataTable
              label="Connections"
              rows={rows}
              keyOf={(row) => row.id}
              columns={[
                { head: "Name", label: "", width: "22%", cell: (row) => <strong style={{ fontWeight: 580 }}>{row.name}</strong> },
                {
                  head: "URLs",
                  cell: (row) => (
                    <div>
                      {URLS.map(
                        ([name, label]) =>
                          row[name] !== null && (
                            <div key={name}>
                              <span className="quiet">{label}</span> <span className="mono">{row[name]}</span>
                            </div>
                          ),
                      )}
                    </div>
                  ),
                },
                {
                  head: "Headers",
                  cell: (row) => (
                    <span className="mono quiet">
                      {toPairs(row.headers)
                        .map((pair) => pair.name)
                        .join(", ")}
                    </span>
                  ),
                },
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
                          confirmLabel="Delete connection"
                          button={(open) => <ActionButton label={`Delete ${row.name}`} icon={IconTrash} onClick={open} />}
                          confirm={async () => {
                            if (await act(DeleteConnection, { input: { id: row.id } }, `${row.name} is deleted`)) list.refresh();
                          }}
                        >
                          This is refused while a webhook uses it.
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
        title={editing === "new" ? "New connection" : "Edit connection"}
        submitLabel={editing === "new" ? "Create connection" : "Save"}
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
        {URLS.map(([name, label]) => (
          <TextInput
            key={name}
            label={`URL when ${label.toLowerCase()}`}
            type="url"
            placeholder="https://"
            classNames={{ input: "mono" }}
            value={values[name]}
            error={issue(name)}
            onChange={(event) => set({ [name]: event.currentTarget.value })}
          />
        ))}
        <Pairs noun="Header" pairs={values.headers} change={(headers) => set({ headers })} issue={issue} most={4} />
      </FormPanel>
    </WebhooksPage>
  );
}
