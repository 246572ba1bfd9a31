/** The sources of events: secret URLs that make an event of whatever is posted. */
import { Button, Menu } from "@mantine/core";
import { IconDots, IconPlus, IconWebhook } from "@tabler/icons-react";
import { useState } from "react";
import { ActionButton } from "../components/action-button.tsx";
import { ShownOnce } from "../components/copy.tsx";
import { Confirm } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { DeleteInbound, RotateKey, UpdateInbound } from "./documents.ts";
import { Posts, PostsButton } from "./posts.tsx";
import { type Source, SourcesQuery } from "./source-documents.ts";
import { SourceEditor } from "./source-editor.tsx";

export function SourceList() {
  const list = useAllPages(SourcesQuery, (data) => data.inboundWebhooks);
  const { act } = useAct();
  const [editing, setEditing] = useState<Source | "new">();
  const [logOf, setLogOf] = useState<Source>();
  const [shown, setShown] = useState<{ name: string; url: string }>();
  const [rotating, setRotating] = useState(false);

  async function rotate(row: Source) {
    const made = await act(RotateKey, { input: { id: row.id } }, "The old URL no longer works");
    if (made) setShown({ name: row.name, url: made.targetUrl });
  }
  async function enable({ id, name, enabled }: Source) {
    if (await act(UpdateInbound, { input: { id, enabled: !enabled } }, enabled ? `${name} is off` : `${name} is on`)) list.refresh();
  }
  const actions = (row: Source) => (
    <Confirm
      title={rotating ? `Rotate the key of ${row.name}?` : `Delete ${row.name}?`}
      confirmLabel={rotating ? "Rotate key" : "Delete source"}
      danger={!rotating}
      confirm={async () => {
        if (rotating) await rotate(row);
        else if (await act(DeleteInbound, { input: { id: row.id } }, `${row.name} is deleted`)) list.refresh();
      }}
      button={(open) => (
        <Menu position="bottom-end" width={170}>
          <Menu.Target>
            <ActionButton label={`Actions of ${row.name}`} icon={IconDots} />
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setLogOf(row)}>Show posts</Menu.Item>
            <Menu.Item onClick={() => setEditing(row)}>Edit</Menu.Item>
            <Menu.Item
              onClick={() => {
                setRotating(true);
                open();
              }}
            >
              Rotate key…
            </Menu.Item>
            <Menu.Item onClick={() => void enable(row)}>{row.enabled ? "Switch off" : "Switch on"}</Menu.Item>
            <Menu.Item
              color="red"
              onClick={() => {
                setRotating(false);
                open();
              }}
            >
              Delete…
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    >
      {rotating
        ? "It gets a new URL, shown once. The old one stops working at once: change the sender right after."
        : "Whoever posts to its URL is answered 404 from then on. Its events stay."}
    </Confirm>
  );
  return (
    <>
      {shown && (
        <ShownOnce title={`Target URL of ${shown.name}`} text={shown.url} label="Copy the target URL">
          Give it to the sender now: the key in it is not shown again.
        </ShownOnce>
      )}
      <div style={{ marginBottom: 8 }}>
        <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
          New source
        </Button>
      </div>
      <Loaded of={list} retry={list.refresh} rows={3}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconWebhook} title="No sources of events yet">
              A source is a secret URL for GitHub, Stripe or any other sender: what they post becomes an event, delivered as any other.
            </Empty>
          ) : (
            <DataTable
              label="Sources of events"
              rows={rows}
              keyOf={(row) => row.id}
              dim={(row) => !row.enabled}
              columns={[
                {
                  head: "Name",
                  label: "",
                  cell: (row) => (
                    <>
                      <strong style={{ fontWeight: 580 }}>{row.name}</strong> {!row.enabled && <Chip tone="mute">Off</Chip>}
                    </>
                  ),
                },
                { head: "Event type", cell: (row) => <span className="mono">{row.eventType}</span> },
                { head: "Signed by", cell: (row) => row.verification?.preset.toLowerCase().replaceAll("_", " ") },
                {
                  head: "Posts",
                  cell: (row) => <PostsButton source={row} open={() => setLogOf(row)} />,
                },
                { head: "Last received", width: 120, cell: (row) => <Ago at={row.lastReceivedAt} /> },
                { head: "", label: "Actions", align: "right", width: 44, cell: actions },
              ]}
            />
          )
        }
      </Loaded>
      <SourceEditor
        source={editing}
        close={() => setEditing(undefined)}
        saved={(made) => {
          setEditing(undefined);
          if (made) setShown(made);
          list.refresh();
        }}
      />
      {logOf && (
        <Posts
          source={logOf}
          close={() => {
            setLogOf(undefined);
            list.refresh();
          }}
        />
      )}
    </>
  );
}
