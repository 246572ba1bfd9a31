import { Button } from "@mantine/core";
import { IconPlus, IconWebhook } from "@tabler/icons-react";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useEvery } from "../components/clock.ts";
import { ShownOnce } from "../components/copy.tsx";
import { formatCount } from "../components/format.ts";
import { Page } from "../components/page.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Tag } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { useAllPages } from "../graphql/all-pages.ts";
import { PortalWebhooks } from "./documents.ts";
import { PortalEditor } from "./editor.tsx";
import { usePortal } from "./session.tsx";

/** Milliseconds until the counts are asked for anew. */
const ASKED_MS = 10_000;

export function PortalWebhooksPage() {
  const { writes } = usePortal();
  const navigate = useNavigate();
  const list = useAllPages(PortalWebhooks, (data) => data.webhookDefinitions);
  const [editing, setEditing] = useState<"new">();
  const [made, setMade] = useState<{ name: string; secret: string }>();
  useEvery(ASKED_MS, list.refresh);
  const newButton = writes && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      New webhook
    </Button>
  );
  return (
    <Page title="Webhooks" hint="Where your events are sent, and how it goes." actions={newButton}>
      {made && (
        <ShownOnce title={`Signing secret of ${made.name}`} text={made.secret} label="Copy the signing secret">
          Your server verifies with it that a call comes from here. Copy it now: it is not shown again.
        </ShownOnce>
      )}
      <Loaded of={list} retry={list.refresh} rows={3}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconWebhook} title="No webhooks yet">
              A webhook sends the events that you choose to your own server, signed, as they happen.
            </Empty>
          ) : (
            <DataTable
              label="Webhooks"
              rows={rows}
              keyOf={(row) => row.id}
              open={(row) => navigate(`/portal/webhooks/${row.id}`)}
              dim={(row) => row.state === "STOPPED"}
              columns={[
                {
                  head: "Name",
                  label: "",
                  cell: (row) => (
                    <Link className="plain" to={`/portal/webhooks/${row.id}`} style={{ fontWeight: 580 }}>
                      {row.name}
                    </Link>
                  ),
                },
                { head: "Target", cell: (row) => <span className="mono">{row.targetUrl}</span> },
                { head: "Events", cell: (row) => <span className="mono">{row.eventTypes.join(", ")}</span> },
                {
                  head: "Calls",
                  align: "right",
                  width: 90,
                  cell: (row) => <span className="num">{formatCount(row.totalCalls)}</span>,
                },
                { head: "Last", width: 120, cell: (row) => <Ago at={row.lastAttemptAt} /> },
                { head: "State", width: 150, cell: (row) => <Tag kind="definition" state={row.state} /> },
              ]}
            />
          )
        }
      </Loaded>
      <PortalEditor
        webhook={editing}
        close={() => setEditing(undefined)}
        saved={({ name }, secret) => {
          setEditing(undefined);
          setMade(secret === null ? undefined : { name, secret });
          list.refresh();
        }}
      />
    </Page>
  );
}
