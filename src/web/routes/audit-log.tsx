import { Button, Modal } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useState } from "react";
import { useQuery } from "urql";
import { ActionButton } from "../components/action-button.tsx";
import { Code, jsonText } from "../components/code.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Moment } from "../components/time.tsx";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { SettingsPage } from "../settings/area.tsx";

const AuditQuery = graphql(`
  query AuditLog($after: String) {
    auditEntries(first: 50, after: $after) {
      edges {
        node {
          id
          action
          subjectId
          actor
          userId
          tokenPrefix
          address
          before
          after
          createdAt
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
type Entry = ResultOf<typeof AuditQuery>["auditEntries"]["edges"][number]["node"];

/** `webhookDefinition.update` → `webhook definition, update`. */
const words = (action: string): string =>
  action
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(".", ", ")
    .toLowerCase();

/** A portal has no user: its token says whose it is. */
const who = ({ action, actor, tokenPrefix }: Entry): string => {
  if (actor !== null) return actor;
  if (tokenPrefix?.startsWith("portal:")) return `portal of ${tokenPrefix.slice("portal:".length)}`;
  return action.startsWith("user.signIn") ? "nobody known" : "the system";
};

function Entries() {
  // The cursors of the pages before: newest first, and back again.
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const [shown, setShown] = useState<Entry>();
  const [result, again] = useQuery({ query: AuditQuery, variables: { after: cursors.at(-1) ?? null } });
  return (
    <>
      <Loaded of={result} retry={() => again({ requestPolicy: "network-only" })}>
        {({ auditEntries }) => {
          const rows = auditEntries.edges.map((edge) => edge.node);
          if (rows.length === 0) return <Empty icon={IconHistory} title="Nothing was changed yet" />;
          return (
            <>
              <DataTable
                label="Audit log"
                rows={rows}
                keyOf={(row) => row.id}
                open={setShown}
                columns={[
                  { head: "When", width: 160, cell: (row) => <Moment at={row.createdAt} /> },
                  {
                    head: "Who",
                    cell: (row) => (row.actor === null ? <span className="quiet">{who(row)}</span> : who(row)),
                  },
                  { head: "What", cell: (row) => words(row.action) },
                  { head: "To", cell: (row) => <span className="mono quiet">{row.subjectId}</span>, wideOnly: true },
                  {
                    head: "From",
                    cell: (row) => (
                      <span className="quiet num">
                        {[row.address, row.tokenPrefix && `${row.tokenPrefix}…`].filter(Boolean).join(", ")}
                      </span>
                    ),
                  },
                  {
                    head: "",
                    label: "Details",
                    width: 44,
                    cell: (row) => <ActionButton label="Details" icon={IconHistory} onClick={() => setShown(row)} />,
                  },
                ]}
              />
              <div style={{ display: "flex", gap: 8, marginTop: 14 }}>
                <Button size="xs" variant="default" disabled={cursors.length === 1} onClick={() => setCursors(cursors.slice(0, -1))}>
                  Newer
                </Button>
                <Button
                  size="xs"
                  variant="default"
                  disabled={!auditEntries.pageInfo.hasNextPage}
                  onClick={() => setCursors([...cursors, auditEntries.pageInfo.endCursor])}
                >
                  Older
                </Button>
              </div>
            </>
          );
        }}
      </Loaded>
      <Modal
        opened={shown !== undefined}
        onClose={() => setShown(undefined)}
        size="lg"
        title={shown ? words(shown.action) : ""}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <div style={{ display: "grid", gap: 12 }}>
          {shown?.before != null && (
            <div>
              <p className="quiet" style={{ margin: "0 0 4px" }}>
                Before
              </p>
              <Code text={jsonText(shown.before)} json label="before" />
            </div>
          )}
          {shown?.after != null && (
            <div>
              <p className="quiet" style={{ margin: "0 0 4px" }}>
                After
              </p>
              <Code text={jsonText(shown.after)} json label="after" />
            </div>
          )}
          {shown && shown.before == null && shown.after == null && <p className="quiet">Nothing more is recorded of this.</p>}
        </div>
      </Modal>
    </>
  );
}

export function AuditLog() {
  const { can } = useSession();
  return (
    <SettingsPage name="Audit log" hint="Who did what, when and from where. Nothing can change it; secrets are masked." admin>
      {can("admin") && <Entries />}
    </SettingsPage>
  );
}
