import { Button, Checkbox, Menu } from "@mantine/core";
import { IconBuildingStore, IconDots, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { AssignDialog } from "../applications/assign.tsx";
import { type Application, ApplicationsQuery, DeleteApplication } from "../applications/documents.ts";
import { ApplicationEditor } from "../applications/editor.tsx";
import { PortalLinkDialog } from "../applications/portal-link.tsx";
import { ActionButton } from "../components/action-button.tsx";
import { Page } from "../components/page.tsx";
import { Confirm } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { type Column, DataTable } from "../components/table.tsx";
import { Tag } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { useSession } from "../session.tsx";

function Webhooks({ of: { webhookDefinitions } }: { of: Application }) {
  const rows = webhookDefinitions.edges.map((edge) => edge.node);
  if (rows.length === 0) return <span className="quiet">none</span>;
  return (
    <ul style={{ margin: 0, padding: 0, listStyle: "none" }}>
      {rows.map((each) => (
        <li key={each.id}>
          <Link className="plain" to={`/webhooks/${each.id}`}>
            {each.name}
          </Link>{" "}
          {each.state !== "ACTIVE" && <Tag kind="definition" state={each.state} />}
        </li>
      ))}
      {webhookDefinitions.pageInfo.hasNextPage && <li className="quiet">and more</li>}
    </ul>
  );
}

export function Applications() {
  const list = useAllPages(ApplicationsQuery, (data) => data.applications);
  const { can } = useSession();
  const { act } = useAct();
  const [editing, setEditing] = useState<Application | "new">();
  const [linking, setLinking] = useState<Application>();
  const [assigning, setAssigning] = useState<Application>();
  const [cancelQueued, setCancelQueued] = useState(false);
  const writes = can("webhooks:write");
  const newButton = writes && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      New application
    </Button>
  );
  const actions = (row: Application) => (
    <Confirm
      title={`Delete ${row.name}?`}
      confirmLabel="Delete application"
      confirm={async () => {
        if (await act(DeleteApplication, { input: { id: row.id, cancelQueued } }, `${row.name} is deleted`)) list.refresh();
        setCancelQueued(false);
      }}
      button={(open) => (
        <Menu position="bottom-end" width={190}>
          <Menu.Target>
            <ActionButton label={`Actions of ${row.name}`} icon={IconDots} />
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setLinking(row)}>Portal link…</Menu.Item>
            <Menu.Item onClick={() => setAssigning(row)}>Give it a webhook…</Menu.Item>
            <Menu.Item onClick={() => setEditing(row)}>Edit</Menu.Item>
            <Menu.Item color="red" onClick={open}>
              Delete…
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    >
      <p style={{ marginTop: 0 }}>
        Its webhooks are deleted with it, and its portal's sessions end. Its events and requests stay in the log.
      </p>
      <Checkbox
        label="Cancel what is queued for it"
        description="Without this, nothing is deleted while requests wait"
        checked={cancelQueued}
        onChange={(event) => setCancelQueued(event.currentTarget.checked)}
      />
    </Confirm>
  );
  const columns: Column<Application>[] = [
    { head: "Name", label: "", cell: (row) => <strong style={{ fontWeight: 580 }}>{row.name}</strong> },
    { head: "Uid", cell: (row) => <span className="mono">{row.uid}</span> },
    { head: "Webhooks", cell: (row) => <Webhooks of={row} /> },
    { head: "Made", width: 120, cell: (row) => <Ago at={row.createdAt} /> },
    ...(writes ? [{ head: "", label: "Actions", align: "right" as const, width: 44, cell: actions } satisfies Column<Application>] : []),
  ];
  return (
    <Page
      title="Applications"
      hint="Your own customers. Each has webhooks of its own, gets the events that name it, and may look after them in a portal."
      actions={newButton}
    >
      <Loaded of={list} retry={list.refresh} rows={3}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconBuildingStore} title="No applications yet">
              Make one for each customer whose webhooks you send. Until then, events and webhooks are your own.
            </Empty>
          ) : (
            <DataTable label="Applications" rows={rows} keyOf={(row) => row.id} columns={columns} />
          )
        }
      </Loaded>
      <ApplicationEditor
        application={editing}
        close={() => setEditing(undefined)}
        saved={() => {
          setEditing(undefined);
          list.refresh();
        }}
      />
      <PortalLinkDialog application={linking} close={() => setLinking(undefined)} />
      {assigning && (
        <AssignDialog
          application={assigning}
          close={() => setAssigning(undefined)}
          done={() => {
            setAssigning(undefined);
            list.refresh();
          }}
        />
      )}
    </Page>
  );
}
