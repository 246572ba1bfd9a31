import { useCallback } from "react";
import { useQuery } from "urql";
import { useEvery } from "../components/clock.ts";
import { CopyField } from "../components/copy.tsx";
import { Facts, Section } from "../components/page.tsx";
import { Loaded } from "../components/states.tsx";
import { OrganizationQuery } from "../organization/documents.ts";
import { PauseButton } from "../organization/pause.tsx";
import { OrganizationSettings } from "../organization/settings.tsx";
import { Usage } from "../organization/usage.tsx";
import { useSession } from "../session.tsx";
import { SettingsPage } from "../settings/area.tsx";

/** Milliseconds between two looks at the usage. */
const USAGE_MS = 5_000;

export function Organization() {
  const { can } = useSession();
  const [result, ask] = useQuery({ query: OrganizationQuery, variables: { admin: can("admin") } });
  const again = useCallback(() => ask({ requestPolicy: "network-only" }), [ask]);
  useEvery(USAGE_MS, again);
  return (
    <SettingsPage name="Settings" hint="What holds for everybody in the organization.">
      <Loaded of={result} retry={again}>
        {({ organization }) => (
          <>
            <OrganizationSettings organization={organization} />
            <Section
              title="Usage"
              hint="Of what this organization may use; the operator sets the most. Over it, callers are told to try again later (429)."
            >
              <Usage organization={organization} />
            </Section>
            <Section title="Deliveries" hint="For when a receiver, or everybody's, must be left alone for a while.">
              <PauseButton />
            </Section>
            <Section title="Facts">
              <Facts
                facts={[
                  ["Inbound webhooks", organization.features.includes("INBOUND_WEBHOOKS") ? "On" : "Off; the operator can switch them on"],
                  ["Id", <CopyField key="id" text={organization.id} label="Copy the id" />],
                ]}
              />
            </Section>
          </>
        )}
      </Loaded>
    </SettingsPage>
  );
}
