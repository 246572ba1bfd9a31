import { Button, Modal, Select, Switch } from "@mantine/core";
import { useState } from "react";
import { ShownOnce } from "../components/copy.tsx";
import { formatMoment } from "../components/format.ts";
import { useAct } from "../graphql/act.ts";
import { type Application, CreateLink } from "./documents.ts";

const TIMES = [
  { value: "900", label: "15 minutes" },
  { value: "3600", label: "An hour" },
  { value: "28800", label: "8 hours" },
  { value: "86400", label: "A day" },
  { value: "604800", label: "A week" },
];

/** A link that lets the customer's own people in, shown once. */
export function PortalLinkDialog({ application, close }: { application: Application | undefined; close: () => void }) {
  const { act, busy } = useAct();
  const [seconds, setSeconds] = useState("3600");
  const [readOnly, setReadOnly] = useState(false);
  const [link, setLink] = useState<{ url: string; expiresAt: string }>();
  const end = () => {
    setLink(undefined);
    close();
  };
  return (
    <Modal
      opened={application !== undefined}
      onClose={end}
      title={`Portal link for ${application?.name ?? ""}`}
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {link ? (
        <ShownOnce title="The link" text={link.url} label="Copy the portal link">
          It signs in once, until {formatMoment(link.expiresAt)}; the session ends then, too. Copy it now: it is not shown again.
        </ShownOnce>
      ) : (
        <div style={{ display: "grid", gap: 16, justifyItems: "start" }}>
          <p className="quiet" style={{ margin: 0 }}>
            Whoever opens it sees this customer's webhooks and their deliveries, and nothing else of the organization.
          </p>
          <Select label="Ends after" allowDeselect={false} data={TIMES} value={seconds} onChange={(value) => setSeconds(value ?? "3600")} />
          <Switch
            label="Read only"
            description="Looks, changes nothing"
            checked={readOnly}
            onChange={(event) => setReadOnly(event.currentTarget.checked)}
          />
          <Button
            loading={busy}
            onClick={async () => {
              if (!application) return;
              const made = await act(CreateLink, {
                input: { applicationId: application.id, expiresInSeconds: Number(seconds), readOnly },
              });
              if (made) setLink(made);
            }}
          >
            Make the link
          </Button>
        </div>
      )}
    </Modal>
  );
}
