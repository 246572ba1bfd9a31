import { Button } from "@mantine/core";
import { IconBook2, IconFileImport, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { Link } from "react-router";
import { DeleteType, type EventType, TypesQuery } from "../catalogue/documents.ts";
import { EventTypeEditor } from "../catalogue/editor.tsx";
import { ImportPanel } from "../catalogue/import.tsx";
import { ActionButton } from "../components/action-button.tsx";
import { plural } from "../components/format.ts";
import { Confirm } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip } from "../components/tag.tsx";
import { useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { useSession } from "../session.tsx";
import { SettingsPage } from "../settings/area.tsx";

export function EventTypes() {
  const list = useAllPages(TypesQuery, (data) => data.eventTypes);
  const { can } = useSession();
  const { act } = useAct();
  const [editing, setEditing] = useState<EventType | "new">();
  const [importing, setImporting] = useState(false);
  const writes = can("webhooks:write");
  const addButton = writes && (
    <>
      <Button variant="default" leftSection={<IconFileImport size={16} />} onClick={() => setImporting(true)}>
        Import…
      </Button>
      <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
        New event type
      </Button>
    </>
  );
  return (
    <SettingsPage name="Event types" hint="The catalogue that people choose from when they set up a webhook." actions={addButton}>
      <Loaded of={list} retry={list.refresh}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconBook2} title="The catalogue is empty">
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
                    <>
                      <Link className="plain mono" to={`/log?type=${encodeURIComponent(row.name)}`} title="Its deliveries">
                        {row.name}
                      </Link>{" "}
                      {row.deprecated && <Chip tone="mute">Deprecated</Chip>}
                    </>
                  ),
                },
                { head: "Description", cell: (row) => row.description },
                { head: "Schema", width: 110, cell: (row) => (row.schema == null ? <span className="quiet">none</span> : "JSON schema") },
                {
                  head: "Examples",
                  width: 110,
                  cell: (row) => (row.examples.length === 0 ? <span className="quiet">none</span> : plural(row.examples.length, "example")),
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
                          confirmLabel="Delete event type"
                          button={(open) => <ActionButton label={`Delete ${row.name}`} icon={IconTrash} onClick={open} />}
                          confirm={async () => {
                            if (await act(DeleteType, { input: { id: row.id } }, `${row.name} is deleted`)) list.refresh();
                          }}
                        >
                          Webhooks that name it go on. Where the organization refuses unknown types, its events are refused from now on.
                        </Confirm>
                      </span>
                    ),
                },
              ]}
            />
          )
        }
      </Loaded>
      <EventTypeEditor
        type={editing}
        close={() => setEditing(undefined)}
        saved={() => {
          setEditing(undefined);
          list.refresh();
        }}
      />
      <ImportPanel opened={importing} close={() => setImporting(false)} done={list.refresh} />
    </SettingsPage>
  );
}
