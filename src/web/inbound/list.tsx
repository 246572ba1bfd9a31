import { Button, Menu, Modal, Select, Textarea, TextInput } from "@mantine/core";
import { IconDots, IconPlugConnected, IconPlus } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { ActionButton } from "../components/action-button.tsx";
import { Code } from "../components/code.tsx";
import { ShownOnce } from "../components/copy.tsx";
import { blank, useForm } from "../components/form.ts";
import { Confirm, FormPanel } from "../components/panel.tsx";
import { Refusal } from "../components/refusal.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Chip } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { tell, useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { CreateInbound, DeleteInbound, GoalNamesQuery, type Inbound, InboundQuery, RotateKey, UpdateInbound } from "./documents.ts";
import { Posts, PostsButton } from "./posts.tsx";

interface Shown {
  name: string;
  url: string;
}

/** How to post to it, for whoever sets up the other system. */
function Howto({ shown }: { shown: Shown }) {
  const today = new Date().toISOString().slice(0, 10);
  return (
    <ShownOnce title={`Target URL of ${shown.name}`} text={shown.url} label="Copy the target URL">
      Copy it into the source system now: the key in it is not shown again.
      <span style={{ display: "block", marginTop: 10 }}>
        <Code
          text={`curl -X POST '${shown.url}' \\\n  -H 'Content-Type: application/json' \\\n  -d '{"date":"${today}","value":500000}'`}
          label="curl command"
        />
      </span>
    </ShownOnce>
  );
}

interface EditorProps {
  /** "new", one to change, or undefined: closed. */
  inbound: Inbound | "new" | undefined;
  goalId: string | undefined;
  close: () => void;
  saved: (shown: Shown | undefined) => void;
}

function InboundEditor({ inbound, goalId, close, saved }: EditorProps) {
  const { data = [] } = useAllPages(GoalNamesQuery, (answer) => answer.goals, { pause: inbound === undefined });
  const form = useForm(
    () => ({ goalId: goalId ?? null, name: "", description: "" }) as { goalId: string | null; name: string; description: string },
  );
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (inbound === "new") reset({ goalId: goalId ?? null, name: "", description: "" });
    else if (inbound) reset({ goalId: inbound.goal?.id ?? null, name: inbound.name, description: inbound.description ?? "" });
  }, [inbound, goalId, reset]);
  const goals = data.map(({ id, name }) => ({ value: id, label: name }));
  const goalName = goals.find((each) => each.value === values.goalId)?.label;

  async function submit() {
    const name = blank(values.name);
    const description = blank(values.description);
    if (inbound === "new") {
      if (values.goalId === null) return form.refuse("goalId", "Choose the goal that it updates");
      const created = await form.save(CreateInbound, {
        input: { goalId: values.goalId, ...(name === null ? {} : { name }), ...(description === null ? {} : { description }) },
      });
      if (created) {
        tell(`${created.inboundWebhook.name} is made`);
        saved({ name: created.inboundWebhook.name, url: created.targetUrl });
      }
    } else if (
      inbound &&
      (await form.save(UpdateInbound, {
        input: { id: inbound.id, ...form.changes((each) => ({ name: each.name.trim(), description: blank(each.description) })) },
      }))
    ) {
      tell(`${name ?? inbound.name} is saved`);
      saved(undefined);
    }
  }
  return (
    <FormPanel
      opened={inbound !== undefined}
      close={close}
      title={inbound === "new" ? "New webhook" : "Edit webhook"}
      submitLabel={inbound === "new" ? "Create" : "Save"}
      submit={() => void submit()}
      form={form.form}
    >
      <Select
        label="Goal"
        description="Which goal the posted values belong to"
        placeholder="Choose a goal"
        searchable
        nothingFoundMessage="No goals; make one first"
        data={goals}
        value={values.goalId}
        disabled={inbound !== "new"}
        error={issue("goalId")}
        onChange={(next) => set({ goalId: next })}
      />
      <TextInput
        label="Name"
        placeholder={goalName ?? "The goal's name"}
        value={values.name}
        error={issue("name")}
        onChange={(event) => set({ name: event.currentTarget.value })}
      />
      <Textarea
        label="Description"
        description="To recognise it later: which system sends, and who looks after it"
        autosize
        minRows={2}
        value={values.description}
        error={issue("description")}
        onChange={(event) => set({ description: event.currentTarget.value })}
      />
    </FormPanel>
  );
}

/** All inbound webhooks, or those of one goal. */
export function InboundList({ goalId }: { goalId?: string }) {
  const list = useAllPages(InboundQuery, (data) => data.inboundWebhooks);
  const { act } = useAct();
  const rotation = useAct({ inPlace: true });
  const [editing, setEditing] = useState<Inbound | "new">();
  const [shown, setShown] = useState<Shown>();
  const [rotating, setRotating] = useState<Inbound>();
  const [logOf, setLogOf] = useState<Inbound>();

  async function rotate(row: Inbound) {
    const result = await rotation.act(RotateKey, { input: { id: row.id } }, "The old URL no longer works");
    if (!result) return;
    setShown({ name: row.name, url: result.targetUrl });
    setRotating(undefined);
  }
  async function enable(row: Inbound) {
    if (
      await act(UpdateInbound, { input: { id: row.id, enabled: !row.enabled } }, row.enabled ? `${row.name} is off` : `${row.name} is on`)
    )
      list.refresh();
  }

  const newButton = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      New Webhook
    </Button>
  );
  return (
    <>
      {shown && <Howto shown={shown} />}
      <Loaded of={list} retry={list.refresh} rows={3}>
        {(all) => {
          const rows = goalId === undefined ? all : all.filter((row) => row.goal?.id === goalId);
          if (rows.length === 0) {
            return (
              <Empty icon={IconPlugConnected} title="No inbound webhooks yet" action={newButton}>
                An inbound webhook is a secret URL. Whoever posts to it records a value of its goal, without an account and without the API.
              </Empty>
            );
          }
          return (
            <>
              <div style={{ marginBottom: 8 }}>{newButton}</div>
              <DataTable
                label="Inbound webhooks"
                rows={rows}
                keyOf={(row) => row.id}
                dim={(row) => !row.enabled}
                columns={[
                  {
                    head: "Name",
                    label: "",
                    cell: (row) => (
                      <div>
                        <strong style={{ fontWeight: 580 }}>{row.name}</strong> {!row.enabled && <Chip tone="mute">Off</Chip>}
                        {row.description !== null && <div className="quiet">{row.description}</div>}
                      </div>
                    ),
                  },
                  ...(goalId === undefined
                    ? [
                        {
                          head: "Goal",
                          cell: (row: Inbound) => (
                            <Link to={`/goals/${row.goal?.id}`} className="plain">
                              {row.goal?.name}
                            </Link>
                          ),
                        },
                      ]
                    : []),
                  { head: "Last received", cell: (row) => <Ago at={row.lastReceivedAt} /> },
                  {
                    head: "Posts",
                    cell: (row) => <PostsButton source={row} failing={row.lastErrors.length > 0} open={() => setLogOf(row)} />,
                  },
                  {
                    head: "Last refusal",
                    cell: (row) =>
                      row.lastErrors[0] ? (
                        <span>
                          <span className="num">{row.lastErrors[0].status}</span>, <Ago at={row.lastErrors[0].at} />
                        </span>
                      ) : (
                        <span className="quiet">none</span>
                      ),
                  },
                  {
                    head: "",
                    label: "Actions",
                    align: "right",
                    width: 44,
                    cell: (row) => (
                      <Confirm
                        title={`Delete ${row.name}?`}
                        confirmLabel="Delete webhook"
                        confirm={async () => {
                          if (await act(DeleteInbound, { input: { id: row.id } }, `${row.name} is deleted`)) list.refresh();
                        }}
                        button={(open) => (
                          <Menu position="bottom-end" width={170}>
                            <Menu.Target>
                              <ActionButton label={`Actions of ${row.name}`} icon={IconDots} />
                            </Menu.Target>
                            <Menu.Dropdown>
                              <Menu.Item onClick={() => setEditing(row)}>Edit</Menu.Item>
                              <Menu.Item onClick={() => setRotating(row)}>Rotate key…</Menu.Item>
                              <Menu.Item onClick={() => void enable(row)}>{row.enabled ? "Switch off" : "Switch on"}</Menu.Item>
                              <Menu.Item color="red" onClick={open}>
                                Delete…
                              </Menu.Item>
                            </Menu.Dropdown>
                          </Menu>
                        )}
                      >
                        Whoever posts to its URL is answered 401 from then on. Values already recorded stay.
                      </Confirm>
                    ),
                  },
                ]}
              />
            </>
          );
        }}
      </Loaded>
      <InboundEditor
        inbound={editing}
        goalId={goalId}
        close={() => setEditing(undefined)}
        saved={(next) => {
          setEditing(undefined);
          if (next) setShown(next);
          list.refresh();
        }}
      />
      <Modal
        opened={rotating !== undefined}
        onClose={() => setRotating(undefined)}
        title={`Rotate the key of ${rotating?.name ?? ""}?`}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <p className="quiet" style={{ marginTop: 0 }}>
          It gets a new URL, shown once. The old one stops working at once: change the source system right after.
        </p>
        <Refusal failure={rotation.failure} />
        <Button
          mt="sm"
          data-autofocus
          loading={rotation.busy}
          onClick={() => {
            if (rotating) void rotate(rotating);
          }}
        >
          Rotate key
        </Button>
      </Modal>
      {logOf && <Posts source={logOf} close={() => setLogOf(undefined)} />}
    </>
  );
}
