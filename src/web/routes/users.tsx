import { Button, PasswordInput, Select, TextInput } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash, IconUserCheck, IconUserOff, IconUsers } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { ActionButton } from "../components/action-button.tsx";
import { blank, useForm } from "../components/form.ts";
import { formatDay } from "../components/format.ts";
import { Confirm, FormPanel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Problem, tell, useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { SettingsPage } from "../settings/area.tsx";

const UserFields = graphql(`
  fragment UserFields on User {
    id
    email
    username
    name
    role
    disabledAt
    createdAt
  }
`);
type User = ResultOf<typeof UserFields>;
const UsersQuery = graphql(
  `
  query Users($after: String) {
    users(first: 100, after: $after) {
      edges {
        node {
          ...UserFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [UserFields],
);
const CreateUser = graphql(
  `
  mutation CreateUser($input: CreateUserInput!) {
    createUser(input: $input) {
      __typename
      ... on User {
        id
        email
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const UpdateUser = graphql(
  `
  mutation UpdateUser($input: UpdateUserInput!) {
    updateUser(input: $input) {
      __typename
      ... on User {
        id
        email
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const DeleteUser = graphql(
  `
  mutation DeleteUser($input: DeleteUserInput!) {
    deleteUser(input: $input) {
      __typename
      ... on User {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);

export const ROLES = [
  { value: "ADMIN", label: "Admin: everything, also users and tokens" },
  { value: "MEMBER", label: "Member: webhooks, events and goals" },
  { value: "VIEWER", label: "Viewer: looks, changes nothing" },
];

interface Values {
  name: string;
  email: string;
  password: string;
  role: User["role"];
}

export function Users() {
  const list = useAllPages(UsersQuery, (data) => data.users);
  const { viewer } = useSession();
  const { act } = useAct();
  const [editing, setEditing] = useState<User | "new">();
  const form = useForm<Values>(() => ({ name: "", email: "", password: "", role: "MEMBER" }));
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (editing === "new") reset({ name: "", email: "", password: "", role: "MEMBER" });
    else if (editing) reset({ name: editing.name ?? "", email: editing.email, password: "", role: editing.role });
  }, [editing, reset]);

  async function submit() {
    const password = blank(values.password);
    const saved =
      editing === "new"
        ? await form.save(CreateUser, {
            input: { name: values.name.trim(), email: values.email.trim(), password: values.password, role: values.role },
          })
        : editing &&
          (await form.save(UpdateUser, {
            input: {
              id: editing.id,
              ...form.changes(({ name, role }) => ({ name: name.trim(), role })),
              ...(password === null ? {} : { password }),
            },
          }));
    if (saved) {
      tell(`${saved.email} is saved`);
      setEditing(undefined);
      list.refresh();
    }
  }

  const addButton = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      New user
    </Button>
  );
  return (
    <SettingsPage name="Users" hint="Who may sign in, and what they may do." admin actions={addButton}>
      <Loaded of={list} retry={list.refresh}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconUsers} title="Nobody yet" action={addButton} />
          ) : (
            <DataTable
              label="Users"
              rows={rows}
              keyOf={(row) => row.id}
              columns={[
                {
                  head: "Name",
                  label: "",
                  cell: (row) => (
                    <div>
                      <strong style={{ fontWeight: 580 }}>{row.name ?? row.username}</strong>
                      {row.id === viewer.user?.id && <span className="quiet"> (you)</span>}
                      {row.disabledAt !== null && <span className="quiet"> (disabled)</span>}
                    </div>
                  ),
                },
                { head: "E-mail", cell: (row) => row.email },
                { head: "Role", cell: (row) => row.role.slice(0, 1) + row.role.slice(1).toLowerCase() },
                { head: "Added", cell: (row) => <span className="num quiet">{formatDay(row.createdAt)}</span> },
                {
                  head: "",
                  label: "Actions",
                  align: "right",
                  width: 116,
                  cell: (row) => (
                    <span style={{ whiteSpace: "nowrap" }}>
                      <ActionButton label={`Edit ${row.email}`} icon={IconPencil} onClick={() => setEditing(row)} />
                      <ActionButton
                        label={`${row.disabledAt === null ? "Disable" : "Enable"} ${row.email}`}
                        icon={row.disabledAt === null ? IconUserOff : IconUserCheck}
                        disabled={row.id === viewer.user?.id}
                        onClick={async () => {
                          const disabled = row.disabledAt === null;
                          const done = `${row.email} is ${disabled ? "disabled: nothing of theirs is good" : "enabled"}`;
                          if (await act(UpdateUser, { input: { id: row.id, disabled } }, done)) list.refresh();
                        }}
                      />
                      <Confirm
                        title={`Delete ${row.email}?`}
                        confirmLabel="Delete user"
                        button={(open) => (
                          <ActionButton
                            label={`Delete ${row.email}`}
                            icon={IconTrash}
                            onClick={open}
                            disabled={row.id === viewer.user?.id}
                          />
                        )}
                        confirm={async () => {
                          if (await act(DeleteUser, { input: { id: row.id } }, `${row.email} is deleted`)) list.refresh();
                        }}
                      >
                        They are signed out everywhere, and their API tokens end with them.
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
        title={editing === "new" ? "New user" : "Edit user"}
        submitLabel={editing === "new" ? "Create user" : "Save"}
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
        <TextInput
          label="E-mail"
          type="email"
          autoComplete="off"
          value={values.email}
          error={issue("email")}
          disabled={editing !== "new"}
          onChange={(event) => set({ email: event.currentTarget.value })}
        />
        <PasswordInput
          label="Password"
          description={
            editing === "new"
              ? "At least 12 characters; they can be told it in person"
              : "Left empty it stays; a new one signs them out everywhere"
          }
          autoComplete="new-password"
          value={values.password}
          error={issue("password")}
          onChange={(event) => set({ password: event.currentTarget.value })}
        />
        <Select
          label="Role"
          allowDeselect={false}
          data={ROLES}
          value={values.role}
          error={issue("role")}
          onChange={(role) => set({ role: role as Values["role"] })}
        />
      </FormPanel>
    </SettingsPage>
  );
}
