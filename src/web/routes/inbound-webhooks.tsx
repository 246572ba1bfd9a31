import { Alert } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { useSearchParams } from "react-router";
import { AddressChoice } from "../components/address-choice.tsx";
import { Page } from "../components/page.tsx";
import { Empty } from "../components/states.tsx";
import { InboundList } from "../inbound/list.tsx";
import { SourceList } from "../inbound/sources.tsx";
import { useSession } from "../session.tsx";

export function InboundWebhooks() {
  const { viewer } = useSession();
  const [query, setQuery] = useSearchParams();
  const kind = query.get("kind") === "events" ? "events" : "goals";
  return (
    <Page title="Inbound webhooks" hint="Secret URLs through which other systems record values of goals, or make events.">
      {viewer.role === "ADMIN" ? (
        <>
          {!viewer.organization.features.includes("INBOUND_WEBHOOKS") && (
            <Alert variant="light" color="yellow" mb="lg">
              Inbound webhooks are off for this organization: none can be made, and existing URLs answer 403. The operator can switch them
              on.
            </Alert>
          )}
          <AddressChoice
            aria-label="What posts make"
            mb="md"
            value={kind}
            onChange={(next) => setQuery(next === "events" ? { kind: next } : {})}
            data={[
              { value: "goals", label: "Values of goals" },
              { value: "events", label: "Events" },
            ]}
          />
          {kind === "events" ? <SourceList /> : <InboundList />}
        </>
      ) : (
        <Empty icon={IconLock} title="For admins only">
          Whoever knows such a URL can record values, so only admins see this page.
        </Empty>
      )}
    </Page>
  );
}
