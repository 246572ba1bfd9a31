import { Button, PasswordInput, TextInput } from "@mantine/core";
import { IconKey, IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useState } from "react";
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

const KeysQuery = graphql(`
  query SecretKeys($after: String) {
    secretKeys(first: 100, after: $after) {
      edges {
        node {
          id
          name
          lastFour
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
const CreateKey = graphql(
  `
  mutation CreateSecretKey($input: CreateSecretKeyInput!) {
    createSecretKey(input: $input) {
      __typename
      ... on SecretKey {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const DeleteKey = graphql(
  `
  mutation DeleteSecretKey($input: DeleteSecretKeyInput!) {
    deleteSecretKey(input: $input) {
      __typename
      ... on SecretKey {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);

export function SecretKeys() {
  const list = useAllPages(KeysQuery, (data) => data.secretKeys);
  const { can } = useSession();
  const { act } = useAct();
  const [opened, setOpened] = useState(false);
  const form = useForm(() => ({ name: "", secret: "" }));
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (opened) reset({ name: "", secret: "" });
  }, [opened, reset]);
  const writes = can("webhooks:write");
  const addButton = writes && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setOpened(true)}>
      New secret key
    </Button>
  );
  return (
    <WebhooksPage
      name="Secret keys"
      hint="Named keys for HMAC authentication codes (CRM.COM). A value is never shown again."
      actions={addButton}
    >
      <Loaded of={list} retry={list.refresh}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconKey} title="No secret keys yet" action={addButton}>
              Only webhooks of the CRM.COM dialect use them; others have a signing secret of their own.
            </Empty>
          ) : (
            <DataTable
              label="Secret keys"
              rows={rows}
              keyOf={(row) => row.id}
              columns={[
                { head: "Name", label: "", cell: (row) => <strong style={{ fontWeight: 580 }}>{row.name}</strong> },
                { head: "Value", cell: (row) => <span className="mono quiet">…{row.lastFour}</span> },
                {
                  head: "",
                  label: "Actions",
                  align: "right",
                  width: 44,
                  cell: (row) =>
                    writes && (
                      <Confirm
                        title={`Delete ${row.name}?`}
                        confirmLabel="Delete key"
                        button={(open) => <ActionButton label={`Delete ${row.name}`} icon={IconTrash} onClick={open} />}
                        confirm={async () => {
                          if (await act(DeleteKey, { input: { id: row.id } }, `${row.name} is deleted`)) list.refresh();
                        }}
                      >
                        This is refused while a webhook uses it.
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
        title="New secret key"
        submitLabel="Create key"
        form={form.form}
        submit={async () => {
          const saved = await form.save(CreateKey, { input: { name: values.name.trim(), secret: values.secret } });
          if (saved) {
            tell(`${saved.name} is saved`);
            setOpened(false);
            list.refresh();
          }
        }}
      >
        <TextInput
          label="Name"
          data-autofocus
          value={values.name}
          error={issue("name")}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <PasswordInput
          label="Secret"
          description="Any text of 1 to 400 characters that the receiver knows, too"
          autoComplete="off"
          value={values.secret}
          error={issue("secret")}
          onChange={(event) => set({ secret: event.currentTarget.value })}
        />
      </FormPanel>
    </WebhooksPage>
  );
}
