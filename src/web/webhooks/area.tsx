import type { ReactNode } from "react";
import { Page, SubNav } from "../components/page.tsx";

const LINKS = [
  { to: "/webhooks", label: "Webhooks", end: true },
  { to: "/workflow-rules", label: "Workflow rules" },
  { to: "/connections", label: "Connections" },
  { to: "/scripts", label: "Scripts" },
  { to: "/secret-keys", label: "Secret keys" },
  { to: "/web-services", label: "Web services" },
];

/** The frame of everything that says what goes where. */
export function WebhooksPage({
  name,
  hint,
  actions,
  children,
}: {
  name: string;
  hint: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Page title={name} hint={hint} actions={actions}>
      <SubNav label="Webhooks" links={LINKS} />
      {children}
    </Page>
  );
}
