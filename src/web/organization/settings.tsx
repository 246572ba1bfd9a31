import { Button, Select, TextInput } from "@mantine/core";
import { useLayoutEffect, useMemo } from "react";
import { blank, useForm } from "../components/form.ts";
import { plural } from "../components/format.ts";
import { Confirm, FormBody } from "../components/panel.tsx";
import { tell, useAct } from "../graphql/act.ts";
import { useSession } from "../session.tsx";
import { type OrganizationData, TestAlert, UpdateOrganization } from "./documents.ts";
import { keepsLess, RetentionField, WhatGoes } from "./retention.tsx";

type Enforcement = OrganizationData["eventTypeEnforcement"];

const ENFORCEMENTS: Record<Enforcement, { label: string; hint: string }> = {
  OFF: { label: "Take any event", hint: "The catalogue is for people to choose from." },
  NAMES: { label: "Refuse types that are not in the catalogue", hint: "Whoever emits another type is answered with an error." },
  SCHEMAS: {
    label: "Also refuse payloads that do not fit the schema",
    hint: "As above, and the answer names the place of each mistake. Types without a schema take any payload.",
  },
};

const valuesOf = (organization: OrganizationData) => ({
  name: organization.name,
  timeZone: organization.timeZone,
  eventTypeEnforcement: organization.eventTypeEnforcement,
  alertEmail: organization.alertEmail ?? "",
  retentionDays: organization.retentionDays,
});

/** What an administrator decides for everybody. */
export function OrganizationSettings({ organization }: { organization: OrganizationData }) {
  const { can } = useSession();
  const { act, busy: testing } = useAct();
  const form = useForm(() => valuesOf(organization));
  const { values, set, issue, reset } = form;
  const zones = useMemo(() => [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])], []);
  // By content: the usage below is asked for again and again, and must not undo what somebody is typing.
  const stored = JSON.stringify(valuesOf(organization));
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is read anew never replaces what somebody is typing
  useLayoutEffect(() => {
    // In the commit: what is typed between it and a later effect would be undone.
    if (!form.dirty) reset(JSON.parse(stored));
  }, [stored, reset]);
  const admin = can("admin");
  const alertEmail = blank(values.alertEmail);

  async function save() {
    const input = form.changes((each) => ({ ...each, alertEmail: blank(each.alertEmail) }));
    if (await form.save(UpdateOrganization, { input })) tell("The settings are saved");
  }

  return (
    <div style={{ display: "grid", gap: 18, maxWidth: 460 }}>
      <Confirm
        title={`Keep only ${plural(values.retentionDays ?? 0, "day")}?`}
        confirmLabel="Save and delete"
        confirm={save}
        button={(ask) => (
          <FormBody
            form={form.form}
            submitLabel={admin ? "Save" : undefined}
            submit={() => (keepsLess(values.retentionDays, organization.retentionDays) ? ask() : void save())}
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
            <Select
              label="Event catalogue"
              description={ENFORCEMENTS[values.eventTypeEnforcement].hint}
              inputWrapperOrder={["label", "input", "description", "error"]}
              allowDeselect={false}
              data={Object.entries(ENFORCEMENTS).map(([value, { label }]) => ({ value, label }))}
              value={values.eventTypeEnforcement}
              error={issue("eventTypeEnforcement")}
              disabled={!admin}
              onChange={(value) => set({ eventTypeEnforcement: value as Enforcement })}
            />
            {admin && (
              <TextInput
                label="Alert e-mail"
                description="Who is mailed when webhooks fail or stop, lanes block or lag, or a quota is reached. Empty: nobody."
                type="email"
                value={values.alertEmail}
                error={issue("alertEmail")}
                onChange={(event) => set({ alertEmail: event.currentTarget.value })}
              />
            )}
            <RetentionField
              days={values.retentionDays}
              change={(retentionDays) => set({ retentionDays })}
              error={issue("retentionDays")}
              disabled={!admin}
            />
          </FormBody>
        )}
      >
        <WhatGoes days={values.retentionDays ?? 0} />
      </Confirm>
      {admin && (
        <div>
          <Button
            variant="default"
            loading={testing}
            disabled={alertEmail !== (organization.alertEmail ?? null)}
            onClick={() =>
              void act(
                TestAlert,
                {},
                alertEmail === null
                  ? "The event hookline.test is on its way; nobody is mailed"
                  : `The event hookline.test and a mail to ${alertEmail} are on their way`,
              )
            }
          >
            Send a test alert
          </Button>
        </div>
      )}
    </div>
  );
}
