import { Button, MultiSelect, PasswordInput, Select, TextInput } from "@mantine/core";
import { IconForms, IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { ActionButton } from "../components/action-button.tsx";
import { useForm } from "../components/form.ts";
import { Confirm, FormPanel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Problem, tell, useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { graphql } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { WebhooksPage } from "../webhooks/area.tsx";
import { options, useConnections } from "../webhooks/choices.ts";

const ServicesQuery = graphql(`
  query WebServices($after: String) {
    webServices(first: 100, after: $after) {
      edges {
        node {
          id
          externalId
          form
          project
          events
          connection {
            id
            name
          }
          webhookDefinition {
            id
            name
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const CreateService = graphql(
  `
  mutation CreateWebService($input: CreateWebServiceInput!) {
    createWebService(input: $input) {
      __typename
      ... on WebService {
        id
        externalId
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const SetTarget = graphql(
  `
  mutation SetWebServiceTarget($input: SetWebServiceTargetInput!) {
    setWebServiceTarget(input: $input) {
      __typename
      ... on WebService {
        id
        externalId
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const DeleteService = graphql(
  `
  mutation DeleteWebService($input: DeleteWebServiceInput!) {
    deleteWebService(input: $input) {
      __typename
      ... on WebService {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);

interface Values {
  externalId: string;
  form: string;
  project: string;
  password: string;
  connectionId: string | null;
  events: string[];
}
const empty = (): Values => ({
  externalId: "",
  form: "",
  project: "",
  password: "",
  connectionId: null,
  events: ["added", "edited", "deleted", "status"],
});

export function WebServices() {
  const list = useAllPages(ServicesQuery, (data) => data.webServices);
  const connections = useConnections();
  const { can } = useSession();
  const { act } = useAct();
  const [opened, setOpened] = useState(false);
  const form = useForm(empty);
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (opened) reset(empty());
  }, [opened, reset]);
  const writes = can("webhooks:write");
  const addButton = writes && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setOpened(true)}>
      New web service
    </Button>
  );
  return (
    <WebhooksPage
      name="Web services"
      hint="doForms: who is notified of the records of a form and project, and may call back."
      actions={addButton}
    >
      <Loaded of={list} retry={list.refresh}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconForms} title="No web services yet" action={addButton}>
              Only the doForms dialect has them.
            </Empty>
          ) : (
            <DataTable
              label="Web services"
              rows={rows}
              keyOf={(row) => row.id}
              columns={[
                { head: "Id", label: "", cell: (row) => <span className="mono">{row.externalId}</span> },
                { head: "Form", cell: (row) => row.form },
                { head: "Project", cell: (row) => row.project },
                { head: "Events", cell: (row) => <span className="mono">{row.events.join(", ")}</span> },
                { head: "Connection", cell: (row) => row.connection?.name },
                {
                  head: "Webhook",
                  cell: (row) =>
                    row.webhookDefinition && <Link to={`/webhooks/${row.webhookDefinition.id}`}>{row.webhookDefinition.name}</Link>,
                },
                {
                  head: "",
                  label: "Actions",
                  align: "right",
                  width: 44,
                  cell: (row) =>
                    writes && (
                      <Confirm
                        title={`Delete ${row.externalId}?`}
                        confirmLabel="Delete web service"
                        button={(open) => <ActionButton label={`Delete ${row.externalId}`} icon={IconTrash} onClick={open} />}
                        confirm={async () => {
                          if (await act(DeleteService, { input: { id: row.id } }, `${row.externalId} is deleted`)) list.refresh();
                        }}
                      >
                        It is notified no more, and its calls are refused.
                      </Confirm>
                    ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <FormPanel
        opened={opened}
        close={() => setOpened(false)}
        title="New web service"
        submitLabel="Create web service"
        form={form.form}
        submit={async () => {
          const { connectionId, events, ...input } = values;
          const saved = await form.save(CreateService, { input });
          // The service stands by then; what failed of its target is told.
          const complete = saved && (connectionId === null || (await act(SetTarget, { input: { id: saved.id, connectionId, events } })));
          if (saved && !complete) {
            setOpened(false);
            list.refresh();
          } else if (saved) {
            tell(`${saved.externalId} is saved`);
            setOpened(false);
            list.refresh();
          }
        }}
      >
        <TextInput
          label="Id"
          description="The client's own id, unique in the installation"
          placeholder="acme$$1234$$Published$$5678"
          data-autofocus
          classNames={{ input: "mono" }}
          value={values.externalId}
          error={issue("externalId")}
          onChange={(event) => set({ externalId: event.currentTarget.value })}
        />
        <TextInput label="Form" value={values.form} error={issue("form")} onChange={(event) => set({ form: event.currentTarget.value })} />
        <TextInput
          label="Project"
          value={values.project}
          error={issue("project")}
          onChange={(event) => set({ project: event.currentTarget.value })}
        />
        <PasswordInput
          label="Password"
          autoComplete="new-password"
          value={values.password}
          error={issue("password")}
          onChange={(event) => set({ password: event.currentTarget.value })}
        />
        <Select
          label="Connection"
          clearable
          searchable
          data={options(connections.data ?? [])}
          value={values.connectionId}
          error={issue("connectionId")}
          onChange={(connectionId) => set({ connectionId })}
        />
        <MultiSelect
          label="Events"
          data={["added", "edited", "deleted", "status"]}
          value={values.events}
          error={issue("events")}
          onChange={(events) => set({ events })}
        />
      </FormPanel>
    </WebhooksPage>
  );
}
