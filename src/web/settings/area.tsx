import { IconLock } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { Page, SubNav } from "../components/page.tsx";
import { Empty } from "../components/states.tsx";
import { useSession } from "../session.tsx";

/** The frame of the settings. What needs an admin says so to everybody else. */
export function SettingsPage({
  name,
  hint,
  actions,
  admin,
  children,
}: {
  name: string;
  hint: ReactNode;
  actions?: ReactNode;
  admin?: boolean;
  children: ReactNode;
}) {
  const { can } = useSession();
  const links = [
    { to: "/settings", label: "Organization", end: true },
    ...(can("admin")
      ? [
          { to: "/settings/users", label: "Users" },
          { to: "/settings/api-tokens", label: "API tokens" },
        ]
      : []),
    { to: "/settings/event-types", label: "Event types" },
    ...(can("admin") ? [{ to: "/settings/audit-log", label: "Audit log" }] : []),
  ];
  const allowed = !admin || can("admin");
  return (
    <Page title={name} hint={hint} actions={allowed && actions}>
      <SubNav label="Settings" links={links} />
      {allowed ? children : <Empty icon={IconLock} title="For admins only" />}
    </Page>
  );
}
