import { Button, MultiSelect, SegmentedControl, Switch, Textarea, TextInput } from "@mantine/core";
import { IconGitBranch, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { Link } from "react-router";
import { ActionButton } from "../components/action-button.tsx";
import { blank, useForm } from "../components/form.ts";
import { Confirm, FormPanel } from "../components/panel.tsx";
import { Empty, Loaded } from "../components/states.tsx";
import { DataTable } from "../components/table.tsx";
import { Tag } from "../components/tag.tsx";
import { Problem, tell, useAct } from "../graphql/act.ts";
import { useAllPages } from "../graphql/all-pages.ts";
import { useReadNow } from "../graphql/read-now.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { WebhooksPage } from "../webhooks/area.tsx";
import { suggestCode } from "../webhooks/editor-values.ts";
import { FilterBuilder } from "../webhooks/filter-builder.tsx";
import { useDefinitionNames } from "../webhooks/names.ts";

const RuleFields = graphql(`
  fragment RuleFields on WorkflowRule {
    id
    name
    code
    description
    entity
    condition
    priority
    state
    updatedAt
    webhookDefinitions {
      id
      name
    }
  }
`);
type Rule = ResultOf<typeof RuleFields>;
const RulesQuery = graphql(
  `
  query WorkflowRules($after: String) {
    workflowRules(first: 100, after: $after) {
      edges {
        node {
          ...RuleFields
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`,
  [RuleFields],
);
const RuleNow = graphql(
  `
  query RuleNow($id: ID!) {
    node(id: $id) {
      __typename
      ... on WorkflowRule {
        ...RuleFields
      }
    }
  }
`,
  [RuleFields],
);
const CreateRule = graphql(
  `
  mutation CreateWorkflowRule($input: CreateWorkflowRuleInput!) {
    createWorkflowRule(input: $input) {
      __typename
      ... on WorkflowRule {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const UpdateRule = graphql(
  `
  mutation UpdateWorkflowRule($input: UpdateWorkflowRuleInput!) {
    updateWorkflowRule(input: $input) {
      __typename
      ... on WorkflowRule {
        id
        name
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const DeleteRule = graphql(
  `
  mutation DeleteWorkflowRule($input: DeleteWorkflowRuleInput!) {
    deleteWorkflowRule(input: $input) {
      __typename
      ... on WorkflowRule {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);

interface Values {
  name: string;
  code: string;
  codeTouched: boolean;
  description: string;
  entity: string;
  condition: unknown;
  conditionMistake: string | null;
  priority: Rule["priority"];
  active: boolean;
  webhookDefinitionIds: string[];
}
const empty = (): Values => ({
  name: "",
  code: "",
  codeTouched: false,
  description: "",
  entity: "",
  condition: null,
  conditionMistake: null,
  priority: "MEDIUM",
  active: true,
  webhookDefinitionIds: [],
});

const valuesOf = (rule: Rule): Values => ({
  name: rule.name,
  code: rule.code,
  codeTouched: true,
  description: rule.description ?? "",
  entity: rule.entity,
  condition: rule.condition,
  conditionMistake: null,
  priority: rule.priority,
  active: rule.state === "ACTIVE",
  webhookDefinitionIds: rule.webhookDefinitions.map((each) => each.id),
});
const inputOf = (values: Values) => ({
  name: values.name.trim(),
  description: blank(values.description),
  condition: values.condition ?? null,
  priority: values.priority,
  state: values.active ? ("ACTIVE" as const) : ("STOPPED" as const),
  webhookDefinitionIds: values.webhookDefinitionIds,
});

export function WorkflowRules() {
  const list = useAllPages(RulesQuery, (data) => data.workflowRules);
  const names = useDefinitionNames();
  const { can } = useSession();
  const { act } = useAct();
  const [editing, setEditing] = useState<Rule | "new">();
  const form = useForm(empty);
  const { values, set, issue, reset } = form;
  useEffect(() => {
    if (editing === "new") reset(empty());
    else if (editing) reset(valuesOf(editing), editing.updatedAt);
  }, [editing, reset]);
  const reload = useReadNow(RuleNow, ({ node }) =>
    node?.__typename === "WorkflowRule" ? { values: valuesOf(node), updatedAt: node.updatedAt } : undefined,
  );

  async function submit() {
    if (values.conditionMistake !== null) return form.refuse("condition", values.conditionMistake);
    const code = blank(values.code);
    const saved =
      editing === "new"
        ? await form.save(CreateRule, { input: { ...inputOf(values), entity: values.entity.trim(), ...(code === null ? {} : { code }) } })
        : editing && (await form.update(UpdateRule, { id: editing.id, toInput: inputOf, reload }));
    if (saved) {
      tell(`${saved.name} is saved`);
      setEditing(undefined);
      list.refresh();
    }
  }
  const writes = can("webhooks:write");
  const addButton = writes && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing("new")}>
      New workflow rule
    </Button>
  );
  return (
    <WebhooksPage
      name="Workflow rules"
      hint="A named condition on an entity that triggers webhooks. High ones run first."
      actions={addButton}
    >
      <Loaded of={list} retry={list.refresh}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={IconGitBranch} title="No workflow rules yet" action={addButton}>
              A rule lets one condition trigger several webhooks, and every request remembers which rule it was.
            </Empty>
          ) : (
            <DataTable
              label="Workflow rules"
              rows={rows}
              keyOf={(row) => row.id}
              dim={(row) => row.state !== "ACTIVE"}
              columns={[
                {
                  head: "Name",
                  label: "",
                  cell: (row) => (
                    <div>
                      <strong style={{ fontWeight: 580 }}>{row.name}</strong>
                      <div className="quiet mono">{row.code}</div>
                    </div>
                  ),
                },
                { head: "Entity", cell: (row) => <span className="mono">{row.entity}</span> },
                {
                  head: "Condition",
                  cell: (row) =>
                    row.condition == null ? (
                      <span className="quiet">always</span>
                    ) : (
                      <span className="mono">{JSON.stringify(row.condition)}</span>
                    ),
                },
                { head: "Priority", cell: (row) => row.priority.slice(0, 1) + row.priority.slice(1).toLowerCase() },
                {
                  head: "Triggers",
                  cell: (row) => (
                    <div>
                      {row.webhookDefinitions.map((each) => (
                        <div key={each.id}>
                          <Link className="plain" to={`/webhooks/${each.id}`}>
                            {each.name}
                          </Link>
                        </div>
                      ))}
                    </div>
                  ),
                },
                { head: "State", cell: (row) => <Tag kind="definition" state={row.state} /> },
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
                          confirmLabel="Delete rule"
                          button={(open) => <ActionButton label={`Delete ${row.name}`} icon={IconTrash} onClick={open} />}
                          confirm={async () => {
                            if (await act(DeleteRule, { input: { id: row.id } }, `${row.name} is deleted`)) list.refresh();
                          }}
                        >
                          It triggers nothing any more. Requests that it made keep its name.
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
        title={editing === "new" ? "New workflow rule" : "Edit workflow rule"}
        submitLabel={editing === "new" ? "Create rule" : "Save"}
        submit={() => void submit()}
        form={form.form}
        size={620}
      >
        <TextInput
          label="Name"
          data-autofocus
          value={values.name}
          error={issue("name")}
          onChange={(event) => {
            const name = event.currentTarget.value;
            set({ name, ...(values.codeTouched ? {} : { code: suggestCode(name) }) });
          }}
        />
        <TextInput
          label="Code"
          description="For programs; cannot change once saved"
          classNames={{ input: "mono" }}
          value={values.code}
          error={issue("code")}
          disabled={editing !== "new"}
          onChange={(event) => set({ code: event.currentTarget.value, codeTouched: true })}
        />
        <Textarea
          label="Description"
          autosize
          value={values.description}
          error={issue("description")}
          onChange={(event) => set({ description: event.currentTarget.value })}
        />
        <TextInput
          label="Entity"
          description="Equals the event's entity, case included; cannot change once saved"
          placeholder="order"
          classNames={{ input: "mono" }}
          value={values.entity}
          error={issue("entity")}
          disabled={editing !== "new"}
          onChange={(event) => set({ entity: event.currentTarget.value })}
        />
        <div data-field>
          <p style={{ margin: "0 0 8px", fontWeight: 500 }} data-field-label>
            Condition
          </p>
          <FilterBuilder
            key={editing === "new" ? "new" : editing?.id}
            filter={values.condition}
            change={(condition, conditionMistake) => set({ condition, conditionMistake })}
            error={issue("condition")}
          />
        </div>
        <div>
          <p style={{ margin: "0 0 6px", fontWeight: 500 }}>Priority</p>
          <SegmentedControl
            aria-label="Priority"
            value={values.priority}
            onChange={(priority) => set({ priority: priority as Rule["priority"] })}
            data={[
              { value: "HIGH", label: "High" },
              { value: "MEDIUM", label: "Medium" },
              { value: "LOW", label: "Low" },
            ]}
          />
        </div>
        <MultiSelect
          label="Triggers these webhooks"
          description="In this order; their own event types and filters play no part"
          searchable
          data={names.map((each) => ({ value: each.id, label: each.name }))}
          value={values.webhookDefinitionIds}
          error={issue("webhookDefinitionIds")}
          onChange={(webhookDefinitionIds) => set({ webhookDefinitionIds })}
        />
        <Switch label="Active" checked={values.active} onChange={(event) => set({ active: event.currentTarget.checked })} />
      </FormPanel>
    </WebhooksPage>
  );
}
