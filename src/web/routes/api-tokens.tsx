import { Button, Checkbox, Select, Switch, TextInput } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { ShownOnce } from "../components/copy.tsx";
import { blank, useForm } from "../components/form.ts";
import { formatDay } from "../components/format.ts";
import { Confirm, FormPanel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { Problem, tell, useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { SettingsPage } from "../settings/area.tsx";
import { ROLES } from "./users.tsx";

const TokensQuery = graphql(`
  query ApiTokens($after: String) {
    apiTokens(first: 100, after: $after) {
      edges {
        node {
          id
          name
          prefix
          role
          scopes
          application
          createdAt
          expiresAt
          lastUsedAt
          revokedAt
          user {
            id
            name
            email
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
type Token = ResultOf<typeof TokensQuery>["apiTokens"]["edges"][number]["node"];
const CreateToken = graphql(
  `
  mutation CreateApiToken($input: CreateApiTokenInput!) {
    createApiToken(input: $input) {
      __typename
      ... on CreatedApiToken {
        token
        apiToken {
          id
          name
        }
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const RevokeToken = graphql(
  `
  mutation RevokeApiToken($input: RevokeApiTokenInput!) {
    revokeApiToken(input: $input) {
      __typename
      ... on ApiToken {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);

const SCOPES: Record<string, string> = {
  "webhooks:read": "See webhooks and the log",
  "webhooks:write": "Change webhooks, resend, skip",
  "events:write": "Send events",
  "goals:read": "See goals",
  "goals:write": "Change goals, record values",
  "secrets:read": "See what is secret",
  admin: "Users, tokens, organization",
};
const EXPIRIES = [
  { value: "30", label: "in 30 days" },
  { value: "90", label: "in 90 days" },
  { value: "365", label: "in a year" },
  { value: "never", label: "never" },
];
const stateOf = (token: Token): "revoked" | "expired" | "good" =>
  token.revokedAt !== null ? "revoked" : token.expiresAt !== null && new Date(token.expiresAt).getTime() < Date.now() ? "expired" : "good";

export function ApiTokens() {
  const list = useAllPages(TokensQuery, (data) => data.apiTokens);
  const { viewer } = useSession();
  const { act } = useAct();
  const [opened, setOpened] = useState(false);
  const [old, setOld] = useState(false);
  const [shown, setShown] = useState<{ name: string; token: string }>();
  const form = useForm(() => ({ name: "", role: "MEMBER" as Token["role"], limited: false, scopes: [] as string[], expiresAt: "90" }));
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (opened) reset({ name: "", role: "MEMBER", limited: false, scopes: [], expiresAt: "90" });
  }, [opened, reset]);

  async function submit() {
    const expiresAt = values.expiresAt === "never" ? null : new Date(Date.now() + Number(values.expiresAt) * 86_400_000).toISOString();
    const created = await form.save(CreateToken, {
      input: {
        name: blank(values.name) ?? "",
        role: values.role,
        ...(values.limited ? { scopes: values.scopes } : {}),
        ...(expiresAt === null ? {} : { expiresAt }),
      },
    });
    if (created) {
      tell(`${created.apiToken.name} is made`);
      setShown({ name: created.apiToken.name, token: created.token });
      setOpened(false);
      list.refresh();
    }
  }
  const addButton = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setOpened(true)}>
      New token
    </Button>
  );
  return (
    <SettingsPage
      name="API tokens"
      hint="Keys for programs. Each acts as the user who made it, and never does more."
      admin
      actions={addButton}
    >
      {shown && (
        <ShownOnce title={`Token ${shown.name}`} text={shown.token} label="Copy the token">
          Send it as <span className="mono">Authorization: Bearer …</span>. Copy it now: it is not shown again.
        </ShownOnce>
      )}
      <Loaded of={list} retry={list.refresh}>
        {(all) => {
          const rows = old ? all : all.filter((row) => stateOf(row) === "good");
          if (all.length === 0) return <Empty icon={IconKey} title="No tokens yet" action={addButton} />;
          return (
            <>
              <Switch
                size="xs"
                label="Show revoked and expired ones"
                checked={old}
                onChange={(event) => setOld(event.currentTarget.checked)}
                mb="xs"
              />
              <DataTable
                label="API tokens"
                rows={rows}
                keyOf={(row) => row.id}
                dim={(row) => stateOf(row) !== "good"}
                columns={[
                  {
                    head: "Name",
                    label: "",
                    cell: (row) => (
                      <div>
                        <strong style={{ fontWeight: 580 }}>{row.name}</strong>{" "}
                        {stateOf(row) !== "good" && <Chip tone="mute">{stateOf(row)}</Chip>}
                        <div className="quiet mono">{row.prefix}…</div>
                      </div>
                    ),
                  },
                  {
                    head: "May",
                    cell: (row) => (
                      <span className="quiet">
                        {row.scopes.length === Object.keys(SCOPES).length ? "everything" : row.scopes.join(", ")}
                      </span>
                    ),
                  },
                  { head: "Of", cell: (row) => row.user?.name ?? row.user?.email ?? "" },
                  { head: "Last used", cell: (row) => <Ago at={row.lastUsedAt} /> },
                  {
                    head: "Ends",
                    cell: (row) => <span className="num">{row.expiresAt === null ? "never" : formatDay(row.expiresAt)}</span>,
                  },
                  {
                    head: "",
                    label: "Actions",
                    align: "right",
                    cell: (row) =>
                      stateOf(row) === "good" && (
                        <Confirm
                          title={`Revoke ${row.name}?`}
                          confirmLabel="Revoke token"
                          button={(open) => (
                            <Button size="compact-sm" variant="subtle" color="gray" onClick={open} aria-label={`Revoke ${row.name}`}>
                              Revoke
                            </Button>
                          )}
                          confirm={async () => {
                            if (await act(RevokeToken, { input: { id: row.id } }, `${row.name} is revoked`)) list.refresh();
                          }}
                        >
                          Whatever uses it is refused from now on, within a second, everywhere. This cannot be undone.
                        </Confirm>
                      ),
                  },
                ]}
              />
            </>
          );
        }}
      </Loaded>
      <FormPanel
        opened={opened}
        close={() => setOpened(false)}
        title="New API token"
        submitLabel="Create token"
        submit={() => void submit()}
        form={form.form}
      >
        <TextInput
          label="Name"
          description="What it is for"
          data-autofocus
          value={values.name}
          error={issue("name")}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <Select
          label="Role"
          allowDeselect={false}
          data={ROLES}
          value={values.role}
          error={issue("role")}
          onChange={(role) => set({ role: role as Token["role"] })}
        />
        <div>
          <Switch
            label="Only some of what the role may do"
            checked={values.limited}
            onChange={(event) => set({ limited: event.currentTarget.checked })}
          />
          {values.limited && (
            <Checkbox.Group
              mt="sm"
              value={values.scopes}
              onChange={(scopes) => set({ scopes })}
              error={issue("scopes")}
              aria-label="Scopes"
            >
              <div style={{ display: "grid", gap: 10 }}>
                {viewer.scopes.map((scope) => (
                  <Checkbox key={scope} value={scope} label={<span className="mono">{scope}</span>} description={SCOPES[scope]} />
                ))}
              </div>
            </Checkbox.Group>
          )}
        </div>
        <Select
          label="Ends"
          allowDeselect={false}
          data={EXPIRIES}
          value={values.expiresAt}
          error={issue("expiresAt")}
          onChange={(expiry) => set({ expiresAt: expiry ?? "90" })}
        />
      </FormPanel>
    </SettingsPage>
  );
}
