/** Pages and actions, as the box offers them to this person. */
import { useMantineColorScheme } from "@mantine/core";
import { useNavigate } from "react-router";
import { type Place, useViews } from "../components/views.ts";
import { personOf, useSession } from "../session.tsx";
import type { Hit } from "./hit.ts";

/** Title, address, and other words for it. */
const PAGES: [title: string, to: string, also?: string][] = [
  ["Overview", "/", "home figures"],
  ["Log", "/log", "requests deliveries"],
  ["Failed deliveries", "/log?state=REJECTED", "log rejected errors"],
  ["Deliveries that wait for a retry", "/log?state=WAITING", "log waiting"],
  ["Events", "/events"],
  ["Events that nothing wanted", "/events?matched=no", "unmatched"],
  ["Lanes", "/lanes"],
  ["Blocked lanes", "/lanes?view=blocked"],
  ["Webhooks", "/webhooks", "definitions"],
  ["Connections", "/connections", "targets"],
  ["Workflow rules", "/workflow-rules"],
  ["Scripts", "/scripts"],
  ["Web services", "/web-services", "doforms"],
  ["Secret keys", "/secret-keys", "signing"],
  ["Goals", "/goals"],
  ["Wall of goals", "/goals/wall"],
  ["Applications", "/applications", "customers portal"],
  ["Settings", "/settings", "organization quotas usage"],
  ["Event types", "/settings/event-types", "catalogue schema"],
  ["Your account", "/account", "password sessions time zone"],
];
const ADMIN_PAGES: typeof PAGES = [
  ["Inbound webhooks", "/inbound-webhooks", "sources"],
  ["Users", "/settings/users", "people roles"],
  ["API tokens", "/settings/api-tokens", "keys"],
  ["Audit log", "/settings/audit-log", "history who"],
];

export interface Commands {
  /** Closes the box. */
  leave: () => void;
  signOut: () => void;
  showShortcuts: () => void;
}

export function usePlaces({ leave, signOut, showShortcuts }: Commands): Hit[] {
  const navigate = useNavigate();
  const { viewer, can } = useSession();
  const { setColorScheme } = useMantineColorScheme();
  const go = (to: string) => () => {
    leave();
    navigate(to);
  };
  const person = personOf(viewer);
  const views: [Place, ReturnType<typeof useViews>][] = [
    ["/log", useViews(person, "/log")],
    ["/events", useViews(person, "/events")],
  ];
  const act = (title: string, run: () => void, also = ""): Hit => ({ key: title, group: "Actions", title, also, run });
  const after = (run: () => void) => () => {
    leave();
    run();
  };
  return [
    ...views.flatMap(([place, saved]) =>
      saved.views.map(({ name, query }): Hit => {
        const to = `${place}?${query}`;
        return { key: `view ${name} ${to}`, group: "Saved views", title: name, note: place === "/log" ? "Log" : "Events", run: go(to) };
      }),
    ),
    ...[...PAGES, ...(viewer.role === "ADMIN" ? ADMIN_PAGES : [])].map(
      ([title, to, also = ""]): Hit => ({ key: to, group: "Pages", title, also, run: go(to) }),
    ),
    ...(can("webhooks:write") ? [act("New webhook", go("/webhooks?new"), "create add")] : []),
    act(
      "Light appearance",
      after(() => setColorScheme("light")),
      "theme",
    ),
    act(
      "Dark appearance",
      after(() => setColorScheme("dark")),
      "theme",
    ),
    act(
      "Appearance as the system",
      after(() => setColorScheme("auto")),
      "theme",
    ),
    act("Keyboard shortcuts", after(showShortcuts), "help"),
    act("Sign out", after(signOut), "log out leave"),
  ];
}
