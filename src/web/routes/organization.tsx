import { Select, Switch, TextInput } from "@mantine/core";
import { useEffect, useMemo } from "react";
import { useQuery } from "urql";
import { CopyField } from "../components/copy.tsx";
import { useForm } from "../components/form.ts";
import { Facts } from "../components/page.tsx";
import { FormBody } from "../components/panel.tsx";
import { Loaded } from "../components/states.tsx";
import { Problem, tell } from "../graphql/act.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { useSession } from "../session.tsx";
import { SettingsPage } from "../settings/area.tsx";

const OrganizationQuery = graphql(`
  query Organization {
    viewer {
      organization {
        id
        name
        timeZone
        features
        enforceEventTypes
      }
    }
  }
`);
const UpdateOrganization = graphql(
  `
  mutation UpdateOrganization($input: UpdateOrganizationInput!) {
    updateOrganization(input: $input) {
      __typename
      ... on Organization {
        id
        name
        timeZone
        enforceEventTypes
      }
      ...Problem
    }
  }
`,
  [Problem],
);
type Data = NonNullable<ResultOf<typeof OrganizationQuery>["viewer"]>["organization"];

function Settings({ organization }: { organization: Data }) {
  const { can } = useSession();
  const form = useForm(() => ({
    name: organization.name,
    timeZone: organization.timeZone,
    enforceEventTypes: organization.enforceEventTypes,
  }));
  const { values, set, issue, reset, dirty } = form;
  const zones = useMemo(() => [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])], []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is read anew never replaces what somebody is typing
  useEffect(() => {
    if (!dirty) reset({ name: organization.name, timeZone: organization.timeZone, enforceEventTypes: organization.enforceEventTypes });
  }, [organization, reset]);
  const admin = can("admin");
  return (
    <div style={{ maxWidth: 460 }}>
      <FormBody
        form={form.form}
        submitLabel={admin ? "Save" : undefined}
        submit={async () => {
          if (await form.save(UpdateOrganization, { input: form.changes((each) => each) })) tell("The settings are saved");
        }}
      >
        <TextInput
          label="Name"
          value={values.name}
          error={issue("name")}
          disabled={!admin}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <Select
          label="Time zone"
          searchable
          allowDeselect={false}
          data={zones}
          value={values.timeZone}
          error={issue("timeZone")}
          disabled={!admin}
          onChange={(timeZone) => set({ timeZone: timeZone ?? "UTC" })}
        />
        <Switch
          label="Refuse events whose type is not in the catalogue"
          checked={values.enforceEventTypes}
          disabled={!admin}
          onChange={(event) => set({ enforceEventTypes: event.currentTarget.checked })}
        />
        <Facts
          facts={[
            ["Inbound webhooks", organization.features.includes("INBOUND_WEBHOOKS") ? "On" : "Off; the operator can switch them on"],
            ["Id", <CopyField key="id" text={organization.id} label="Copy the id" />],
          ]}
        />
      </FormBody>
    </div>
  );
}

export function Organization() {
  const [result, again] = useQuery({ query: OrganizationQuery });
  return (
    <SettingsPage name="Settings" hint="What holds for everybody in the organization.">
      <Loaded of={result} retry={() => again({ requestPolicy: "network-only" })}>
        {(data) => data.viewer && <Settings organization={data.viewer.organization} />}
      </Loaded>
    </SettingsPage>
  );
}
