import { lazy, type ReactNode, Suspense, useCallback, useState } from "react";
import { Navigate, Route, Routes, useLocation } from "react-router";
import { ErrorBoundary } from "./components/boundary.tsx";
import { SessionGuard } from "./components/session-guard.tsx";
import { Failed, LoadingRows } from "./components/states.tsx";
import { UnsavedGuard } from "./components/unsaved.tsx";
import { OUTSIDE } from "./graphql/tab.ts";
import { ClientProvider, SessionProvider } from "./session.tsx";
import { Shell } from "./shell.tsx";

/** Each page is loaded when it is first opened; the first load holds the shell and the sign-in only. */
const page = <Name extends string>(load: () => Promise<Record<Name, React.ComponentType>>, name: Name) =>
  lazy(async () => ({ default: (await load())[name] }));

const SignIn = lazy(async () => ({ default: (await import("./routes/sign-in.tsx")).SignIn }));
const Overview = page(() => import("./routes/overview.tsx"), "Overview");
const Webhooks = page(() => import("./routes/webhooks.tsx"), "Webhooks");
const Webhook = page(() => import("./routes/webhook.tsx"), "Webhook");
const Connections = page(() => import("./routes/connections.tsx"), "Connections");
const WorkflowRules = page(() => import("./routes/workflow-rules.tsx"), "WorkflowRules");
const Scripts = page(() => import("./routes/scripts.tsx"), "Scripts");
const WebServices = page(() => import("./routes/web-services.tsx"), "WebServices");
const SecretKeys = page(() => import("./routes/secret-keys.tsx"), "SecretKeys");
const Log = page(() => import("./routes/log.tsx"), "Log");
const Request = page(() => import("./routes/request.tsx"), "Request");
const Lanes = page(() => import("./routes/lanes.tsx"), "Lanes");
const Goals = page(() => import("./routes/goals.tsx"), "Goals");
const Goal = page(() => import("./routes/goal.tsx"), "Goal");
const Wall = page(() => import("./goals/wall.tsx"), "Wall");
const InboundWebhooks = page(() => import("./routes/inbound-webhooks.tsx"), "InboundWebhooks");
const Organization = page(() => import("./routes/organization.tsx"), "Organization");
const Users = page(() => import("./routes/users.tsx"), "Users");
const ApiTokens = page(() => import("./routes/api-tokens.tsx"), "ApiTokens");
const EventTypes = page(() => import("./routes/event-types.tsx"), "EventTypes");
const AuditLog = page(() => import("./routes/audit-log.tsx"), "AuditLog");
const Account = page(() => import("./routes/account.tsx"), "Account");
const Applications = page(() => import("./routes/applications.tsx"), "Applications");
const Portal = page(() => import("./portal/app.tsx"), "Portal");
const Events = page(() => import("./routes/events.tsx"), "Events");
const NotFound = page(() => import("./routes/not-found.tsx"), "NotFound");

const waiting = (
  <div style={{ padding: "28px 32px", maxWidth: 900 }}>
    <LoadingRows />
  </div>
);

/** Stands alone: no navigation beside it. */
const WALL = "/goals/wall";

function SignedIn({ children, signOut }: { children: ReactNode; signOut: () => void }) {
  const path = useLocation().pathname;
  const page = (
    <ErrorBoundary key={path}>
      <Suspense fallback={waiting}>{children}</Suspense>
    </ErrorBoundary>
  );
  return (
    <SessionProvider waiting={waiting} failed={(retry) => <Failed error="The server cannot be reached." retry={retry} />}>
      {path === WALL ? page : <Shell signedOut={signOut}>{page}</Shell>}
    </SessionProvider>
  );
}

export function App() {
  const path = useLocation().pathname;
  if (path !== "/portal" && !path.startsWith("/portal/")) return <Ours />;
  return (
    <ErrorBoundary>
      <Suspense fallback={waiting}>
        <Portal />
      </Suspense>
    </ErrorBoundary>
  );
}

function Ours() {
  // A new person gets a new client: nothing that another one has read stays in memory.
  const [person, setPerson] = useState(0);
  const [ended, setEnded] = useState(false);
  const signedOut = useCallback(() => setEnded(true), []);
  const signedIn = useCallback(() => {
    setPerson((last) => last + 1);
    setEnded(false);
  }, []);
  const { pathname, search } = useLocation();

  if (pathname === "/sign-in" || ended) {
    const next = pathname === "/sign-in" ? new URLSearchParams(search).get("next") : pathname === "/" ? null : pathname + search;
    return (
      <ClientProvider key={`in-${person}`} signedOut={signedOut} door={OUTSIDE}>
        {/* The page does not wait for the address to change: a page that is being left may still set it itself. */}
        {pathname !== "/sign-in" && <Navigate to={next === null ? "/sign-in" : `/sign-in?next=${encodeURIComponent(next)}`} replace />}
        <Suspense>
          <SignIn signedIn={signedIn} next={next} />
        </Suspense>
      </ClientProvider>
    );
  }
  return (
    <ClientProvider key={person} signedOut={signedOut}>
      <UnsavedGuard />
      <SessionGuard />
      <SignedIn signOut={signedOut}>
        <Routes>
          <Route path="/" element={<Overview />} />
          <Route path="/webhooks" element={<Webhooks />} />
          <Route path="/webhooks/:id" element={<Webhook />} />
          <Route path="/connections" element={<Connections />} />
          <Route path="/workflow-rules" element={<WorkflowRules />} />
          <Route path="/scripts" element={<Scripts />} />
          <Route path="/web-services" element={<WebServices />} />
          <Route path="/secret-keys" element={<SecretKeys />} />
          <Route path="/log" element={<Log />} />
          <Route path="/log/:number" element={<Request />} />
          <Route path="/lanes" element={<Lanes />} />
          <Route path="/goals" element={<Goals />} />
          <Route path={WALL} element={<Wall />} />
          <Route path="/goals/:id" element={<Goal />} />
          <Route path="/inbound-webhooks" element={<InboundWebhooks />} />
          <Route path="/settings" element={<Organization />} />
          <Route path="/settings/users" element={<Users />} />
          <Route path="/settings/api-tokens" element={<ApiTokens />} />
          <Route path="/settings/event-types" element={<EventTypes />} />
          <Route path="/settings/audit-log" element={<AuditLog />} />
          <Route path="/applications" element={<Applications />} />
          <Route path="/events" element={<Events />} />
          <Route path="/account" element={<Account />} />
          <Route path="*" element={<NotFound />} />
        </Routes>
      </SignedIn>
    </ClientProvider>
  );
}
