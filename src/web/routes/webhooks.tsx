import { Button, Checkbox, Menu, Switch, TextInput } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconDots, IconPlayerPause, IconPlus, IconSearch, IconWebhook } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { ActionButton } from "../components/action-button.tsx";
import { useAtOnce } from "../components/at-once.ts";
import { plural } from "../components/format.ts";
import { Empty, Loaded } from "../components/states.tsx";
import { type Column, DataTable } from "../components/table.tsx";
import { Tag } from "../components/tag.tsx";
import { Ago } from "../components/time.tsx";
import { useAllPages } from "../graphql/all-pages.ts";
import { useSession } from "../session.tsx";
import { ActivateButton } from "../webhooks/activate.tsx";
import { WebhooksPage } from "../webhooks/area.tsx";
import { type Definition, DefinitionsQuery } from "../webhooks/documents.ts";
import type { EditorTask } from "../webhooks/editor.tsx";
import { DefinitionEditor } from "../webhooks/editor-lazy.tsx";
import type { Created } from "../webhooks/first-steps.tsx";
import { RecoverButton } from "../webhooks/recover.tsx";
import { useStop } from "../webhooks/stop.tsx";
import { SuccessRate } from "../webhooks/success-rate.tsx";
import classes from "./webhooks.module.css";

const FirstSteps = lazy(async () => ({ default: (await import("../webhooks/first-steps.tsx")).FirstSteps }));

const matches = (definition: Definition, text: string): boolean =>
  [definition.name, definition.code, definition.targetUrl ?? "", definition.connection?.name ?? "", ...definition.eventTypes].some((each) =>
    each.toLowerCase().includes(text),
  );

export function targetOf(definition: Definition): string {
  if (definition.script) return `Script ${definition.script.name}`;
  if (definition.connection) return `Connection ${definition.connection.name}`;
  return definition.targetUrl ?? "";
}

export function Webhooks() {
  const { can } = useSession();
  const navigate = useNavigate();
  const list = useAllPages(DefinitionsQuery, (data) => data.webhookDefinitions);
  const [query, setQuery] = useSearchParams();
  const [task, setTask] = useState<EditorTask>();
  const [created, setCreated] = useState<Created>();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  // The field is its own; the address follows it (a router's update comes too late for somebody who types).
  const [search, setSearch] = useState(query.get("q") ?? "");
  const [onlyActive, showOnlyActive] = useAtOnce(query.get("show") === "active");
  const writes = can("webhooks:write");
  // The overview of an empty installation leads here with `?new`, and so does the search, from this page too.
  const asked = query.has("new") && writes;
  useEffect(() => {
    if (asked) setTask({ kind: "create" });
  }, [asked]);
  function close() {
    setTask(undefined);
    put("new", "");
  }
  useHotkeys([["/", () => document.getElementById("search")?.focus()]]);

  const put = (name: string, value: string) =>
    setQuery(
      (last) => {
        const next = new URLSearchParams(last);
        if (value === "") next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const toggle = (id: string) =>
    setChosen((last) => {
      const next = new Set(last);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  function changed() {
    setChosen(new Set());
    list.refresh();
  }
  const { stop, busy } = useStop(changed);

  const columns = (rows: Definition[]): Column<Definition>[] => [
    ...(writes
      ? [
          {
            head: (
              <Checkbox
                size="xs"
                aria-label="Select all webhooks"
                checked={rows.length > 0 && rows.every((row) => chosen.has(row.id))}
                indeterminate={chosen.size > 0 && !rows.every((row) => chosen.has(row.id))}
                onChange={(event) => setChosen(new Set(event.currentTarget.checked ? rows.map((row) => row.id) : []))}
              />
            ),
            width: 34,
            cell: (row: Definition) => (
              <Checkbox size="xs" aria-label={`Select ${row.name}`} checked={chosen.has(row.id)} onChange={() => toggle(row.id)} />
            ),
          },
        ]
      : []),
    {
      head: "Name",
      label: "",
      cell: (row) => (
        <div className={classes["name"]}>
          <Link className="plain" to={`/webhooks/${row.id}`}>
            <strong>{row.name}</strong>
          </Link>
          <span className={`quiet mono ${classes["code"]}`}>{row.code}</span>
          {row.application && <span className="quiet">{row.application.name}</span>}
        </div>
      ),
    },
    {
      head: "Event types",
      cell: (row) =>
        row.eventTypes.length === 0 ? (
          <span className="quiet">by workflow rules</span>
        ) : (
          <span className="mono">
            {row.eventTypes.slice(0, 2).join(", ")}
            {row.eventTypes.length > 2 && <span className="quiet"> +{row.eventTypes.length - 2}</span>}
          </span>
        ),
    },
    { head: "URL", width: "24%", cell: (row) => <span className={`mono ${classes["url"]}`}>{targetOf(row)}</span> },
    { head: "State", cell: (row) => <Tag kind="definition" state={row.state} /> },
    { head: "Last delivery", cell: (row) => <Ago at={row.lastAttemptAt} />, width: 110 },
    { head: "Success", align: "right", width: 92, cell: (row) => <SuccessRate calls={row.totalCalls} errors={row.totalErrors} /> },
    {
      head: "",
      label: "Actions",
      width: 44,
      align: "right",
      cell: (row) =>
        writes && (
          <Menu position="bottom-end" width={170}>
            <Menu.Target>
              <ActionButton label={`Actions of ${row.name}`} icon={IconDots} />
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => setTask({ kind: "edit", of: row })}>Edit</Menu.Item>
              <Menu.Item onClick={() => setTask({ kind: "copy", of: row })}>Copy</Menu.Item>
              <Menu.Item component={Link} to={`/log?definition=${row.id}`}>
                Show deliveries
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        ),
    },
  ];

  return (
    <WebhooksPage
      name="Webhooks"
      hint="Which events go where, and how."
      actions={
        writes && (
          <Button leftSection={<IconPlus size={16} />} onClick={() => setTask({ kind: "create" })}>
            New webhook
          </Button>
        )
      }
    >
      {created && (
        <Suspense>
          <FirstSteps key={created.definition.id} created={created} close={() => setCreated(undefined)} />
        </Suspense>
      )}
      <Loaded of={list} retry={list.refresh}>
        {(all) => {
          const rows = all.filter((row) => (!onlyActive || row.state === "ACTIVE") && matches(row, search.toLowerCase()));
          const selected = all.filter((row) => chosen.has(row.id));
          if (all.length === 0) {
            return (
              <Empty
                icon={IconWebhook}
                title="No webhooks yet"
                action={writes && <Button onClick={() => setTask({ kind: "create" })}>New webhook</Button>}
              >
                A webhook sends the events you choose to a URL: in order, signed, retried and logged.
              </Empty>
            );
          }
          return (
            <>
              <search className={classes["bar"]}>
                {chosen.size > 0 ? (
                  <>
                    <span className={`num ${classes["chosen"]}`}>{plural(chosen.size, "webhook")} selected</span>
                    <Button
                      size="xs"
                      variant="default"
                      loading={busy}
                      leftSection={<IconPlayerPause size={14} />}
                      onClick={() => void stop(selected, `${plural(selected.length, "webhook")} stopped; what is queued is kept`)}
                    >
                      Stop
                    </Button>
                    <ActivateButton definitions={selected} activated={changed} size="xs" />
                    <RecoverButton scope={{ webhooks: selected }} size="xs" />
                    <Button size="xs" variant="subtle" color="gray" onClick={() => setChosen(new Set())}>
                      Clear
                    </Button>
                    <span className="quiet">Events that come while they are stopped are not queued for them.</span>
                  </>
                ) : (
                  <>
                    <TextInput
                      id="search"
                      size="xs"
                      w={260}
                      aria-label="Search webhooks"
                      placeholder="Name, event type or URL"
                      leftSection={<IconSearch size={14} />}
                      value={search}
                      onChange={(event) => {
                        setSearch(event.currentTarget.value);
                        put("q", event.currentTarget.value);
                      }}
                    />
                    <Switch
                      size="xs"
                      label="Show stopped ones"
                      checked={!onlyActive}
                      onChange={(event) => {
                        showOnlyActive(!event.currentTarget.checked);
                        put("show", event.currentTarget.checked ? "" : "active");
                      }}
                    />
                  </>
                )}
              </search>
              {rows.length === 0 ? (
                <Empty icon={IconSearch} title="Nothing matches">
                  None of the {all.length} webhooks fits this search.
                </Empty>
              ) : (
                <DataTable
                  label="Webhooks"
                  rows={rows}
                  columns={columns(rows)}
                  keyOf={(row) => row.id}
                  open={(row) => navigate(`/webhooks/${row.id}`)}
                  dim={(row) => row.state !== "ACTIVE"}
                />
              )}
            </>
          );
        }}
      </Loaded>
      <DefinitionEditor
        task={task}
        close={close}
        saved={(definition, secret) => {
          close();
          if (task?.kind !== "edit") setCreated({ definition, secret });
          list.refresh();
        }}
      />
    </WebhooksPage>
  );
}
