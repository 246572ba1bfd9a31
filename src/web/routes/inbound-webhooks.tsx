import { Alert } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { Page } from "../components/page.tsx";
import { Empty } from "../components/states.tsx";
import { InboundList } from "../inbound/list.tsx";
import { useSession } from "../session.tsx";

export function InboundWebhooks() {
  const { viewer } = useSession();
  return (
    <Page title="Inbound webhooks" hint="Secret URLs through which other systems record values of goals.">
      {viewer.role === "ADMIN" ? (
        <>
          {!viewer.organization.features.includes("INBOUND_WEBHOOKS") && (
            <Alert variant="light" color="yellow" mb="lg">
              Inbound webhooks are off for this organization: none can be made, and existing URLs answer 403. The operator can switch them
              on.
            </Alert>
          )}
          <InboundList />
        </>
      ) : (
        <Empty icon={IconLock} title="For admins only">
          Whoever knows such a URL can record values, so only admins see this page.
        </Empty>
      )}
    </Page>
  );
}
