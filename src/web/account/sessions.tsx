import { Button } from "@mantine/core";
import { Confirm } from "../components/panel.tsx";
import { Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { useAct } from "../graphql/act.ts";
import type { Listing } from "../graphql/all-pages.ts";
import { RevokeSession, type Session } from "./documents.ts";

const DOORS: Record<Session["kind"], string> = {
  BROWSER: "Browser",
  COTALKER: "Program, by Cotalker's API",
  CRMCOM: "Program, by CRM.COM's API",
  DOFORMS: "Program, by doForms' API",
  PORTAL: "Portal",
};

/** The open sessions of whoever is signed in; all but this one can be ended here. */
export function Sessions({ list }: { list: Listing<Session> }) {
  const { act } = useAct();
  return (
    <Loaded of={list} retry={list.refresh} rows={2}>
      {(rows) => (
        <DataTable
          label="Sessions"
          rows={rows}
          keyOf={(row) => row.id}
          columns={[
            {
              head: "Signed in with",
              label: "",
              cell: (row) => (
                <>
                  {DOORS[row.kind]} {row.current && <Chip tone="ok">This one</Chip>}
                </>
              ),
            },
            { head: "Address", cell: (row) => <span className="mono">{row.address ?? "unknown"}</span> },
            { head: "Since", cell: (row) => <Ago at={row.createdAt} /> },
            { head: "Ends", cell: (row) => <Ago at={row.expiresAt} /> },
            {
              head: "",
              label: "Actions",
              align: "right",
              width: 110,
              cell: (row) =>
                !row.current && (
                  <Confirm
                    title="End this session?"
                    confirmLabel="End session"
                    button={(open) => (
                      <Button
                        size="compact-xs"
                        variant="default"
                        onClick={open}
                        aria-label={`End the session of ${row.address ?? "unknown"}`}
                      >
                        End…
                      </Button>
                    )}
                    confirm={async () => {
                      if (await act(RevokeSession, { input: { id: row.id } }, "The session has ended")) list.refresh();
                    }}
                  >
                    Whoever uses it is signed out within a second, and must sign in again.
                  </Confirm>
                ),
            },
          ]}
        />
      )}
    </Loaded>
  );
}
