import { ActionIcon, Alert, AppShell, Burger, Menu, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import {
  type Icon,
  IconArrowsRightLeft,
  IconBolt,
  IconBuildingStore,
  IconDeviceDesktop,
  IconKeyboard,
  IconLayoutDashboard,
  IconListDetails,
  IconLogout,
  IconMoon,
  IconPlugConnected,
  IconSearch,
  IconSelector,
  IconSettings,
  IconSun,
  IconTargetArrow,
  IconUserCircle,
  IconWebhook,
} from "@tabler/icons-react";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Link, NavLink, useLocation, useNavigate } from "react-router";
import { useSignOut } from "./components/sign-out.ts";
import { graphql } from "./graphql/tada.ts";
import { PausedBanner } from "./organization/pause.tsx";
import { useSession } from "./session.tsx";
import classes from "./shell.module.css";

const SignOut = graphql(`
  mutation SignOut {
    signOut {
      __typename
    }
  }
`);

const Shortcuts = lazy(async () => ({ default: (await import("./components/shortcuts.tsx")).Shortcuts }));
const SearchBox = lazy(async () => ({ default: (await import("./search/box.tsx")).SearchBox }));

const MAC = /Mac|iP(hone|ad)/.test(navigator.userAgent);

function Item({ to, icon: Picture, label, also = [] }: { to: string; icon: Icon; label: string; also?: string[] }) {
  const { pathname } = useLocation();
  const here = to === "/" ? pathname === "/" : [to, ...also].some((path) => pathname === path || pathname.startsWith(`${path}/`));
  return (
    <NavLink to={to} className={classes["item"] ?? ""} data-here={here || undefined} aria-current={here ? "page" : undefined}>
      <Picture size={17} stroke={1.7} aria-hidden />
      {label}
    </NavLink>
  );
}

function SchemeItems() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const schemes = [
    ["light", "Light", IconSun],
    ["dark", "Dark", IconMoon],
    ["auto", "As the system", IconDeviceDesktop],
  ] as const;
  return schemes.map(([scheme, label, Picture]) => (
    <Menu.Item
      key={scheme}
      leftSection={<Picture size={15} />}
      onClick={() => setColorScheme(scheme)}
      {...(colorScheme === scheme ? { "aria-current": "true" as const, fw: 600 } : {})}
    >
      {label}
    </Menu.Item>
  ));
}

function Person({ signOut, showShortcuts }: { signOut: () => void; showShortcuts: () => void }) {
  const { viewer } = useSession();
  const name = viewer.user?.name ?? viewer.user?.email ?? "API token";
  return (
    <Menu position="top-start" width={220} shadow="md">
      <Menu.Target>
        <UnstyledButton className={classes["person"] ?? ""}>
          <span className={classes["initial"]} aria-hidden>
            {name.slice(0, 1).toUpperCase()}
          </span>
          <span className={classes["personText"]}>
            <span className="clip">{name}</span>
            <span className={`clip ${classes["role"]}`}>{viewer.role.toLowerCase()}</span>
          </span>
          <IconSelector size={15} stroke={1.6} aria-hidden />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconUserCircle size={15} />} component={Link} to="/account">
          Your account
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>Appearance</Menu.Label>
        <SchemeItems />
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={15} />} onClick={showShortcuts}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={15} />} onClick={signOut}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Shell({ children, signedOut }: { children: ReactNode; signedOut: () => void }) {
  const { viewer } = useSession();
  const [open, drawer] = useDisclosure(false);
  const [help, helpWindow] = useDisclosure(false);
  const [searching, search] = useDisclosure(false);
  const signOut = useSignOut(SignOut, signedOut);
  const navigate = useNavigate();
  const { pathname } = useLocation();

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page closes the drawer
  useEffect(() => drawer.close(), [pathname]);
  useHotkeys([
    ["alt+1", () => navigate("/")],
    ["alt+2", () => navigate("/log")],
    ["alt+3", () => navigate("/lanes")],
    ["alt+4", () => navigate("/webhooks")],
    ["alt+5", () => navigate("/goals")],
    ["shift+?", helpWindow.open],
  ]);
  // Wherever the focus is, in a field too.
  useHotkeys([["mod+K", search.toggle]], []);

  return (
    <AppShell
      layout="alt"
      header={{ height: { base: 52, sm: 0 } }}
      navbar={{ width: 216, breakpoint: "sm", collapsed: { mobile: !open } }}
      classNames={{ navbar: classes["navbar"] ?? "", header: classes["header"] ?? "", main: classes["main"] ?? "" }}
    >
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <AppShell.Header hiddenFrom="sm">
        <Burger opened={open} onClick={drawer.toggle} size="sm" aria-label={open ? "Close navigation" : "Open navigation"} />
        <Brand />
        <ActionIcon ml="auto" onClick={search.open} aria-label="Search everything">
          <IconSearch size={18} aria-hidden />
        </ActionIcon>
      </AppShell.Header>
      <AppShell.Navbar>
        <div className={classes["top"]}>
          <Brand />
          <ActionIcon hiddenFrom="sm" onClick={drawer.close} aria-label="Close navigation">
            ✕
          </ActionIcon>
        </div>
        <p className={`clip ${classes["organization"]}`}>{viewer.organization.name}</p>
        <UnstyledButton className={classes["search"] ?? ""} onClick={search.open} aria-keyshortcuts="Control+K Meta+K">
          <IconSearch size={15} stroke={1.7} aria-hidden />
          Search
          <kbd className={classes["keys"]} aria-hidden>
            {MAC ? "⌘K" : "Ctrl K"}
          </kbd>
        </UnstyledButton>
        <nav className={classes["nav"]} aria-label="Main">
          <Item to="/" icon={IconLayoutDashboard} label="Overview" />
          <Item to="/log" icon={IconListDetails} label="Log" />
          <Item to="/events" icon={IconBolt} label="Events" />
          <Item to="/lanes" icon={IconArrowsRightLeft} label="Lanes" />
          <Item
            to="/webhooks"
            icon={IconWebhook}
            label="Webhooks"
            also={["/connections", "/workflow-rules", "/scripts", "/web-services", "/secret-keys"]}
          />
          <Item to="/goals" icon={IconTargetArrow} label="Goals" />
          <p className={classes["group"]}>More</p>
          {viewer.role === "ADMIN" && <Item to="/inbound-webhooks" icon={IconPlugConnected} label="Inbound webhooks" />}
          <Item to="/applications" icon={IconBuildingStore} label="Applications" />
          <Item to="/settings" icon={IconSettings} label="Settings" />
        </nav>
        <Person signOut={signOut} showShortcuts={helpWindow.open} />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        {!viewer.delivering && (
          <Alert color="yellow" variant="light" role="status" title="Nothing is delivered" m="md">
            This server was started with HOOKLINE_DELIVERY=off: what comes in waits in its lanes until it is started without.
          </Alert>
        )}
        <PausedBanner />
        {children}
      </AppShell.Main>
      {searching && (
        <Suspense>
          <SearchBox leave={search.close} signOut={signOut} showShortcuts={helpWindow.open} />
        </Suspense>
      )}
      {help && (
        <Suspense>
          <Shortcuts close={helpWindow.close} />
        </Suspense>
      )}
    </AppShell>
  );
}

export function Brand() {
  return (
    <span className={classes["brand"]}>
      <svg width="20" height="20" viewBox="0 0 32 32" aria-hidden="true">
        <path
          d="M21 5v14a6.5 6.5 0 0 1-13 0v-3.4l4 3.6"
          fill="none"
          stroke="currentColor"
          strokeWidth="3"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      Hookline
    </span>
  );
}
