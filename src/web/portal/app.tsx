/** The portal: what `/portal#token=…` opens. The dashboard, narrowed to one application. */
import { Alert, Button } from "@mantine/core";
import { type Icon, IconCloudOff, IconLinkOff } from "@tabler/icons-react";
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Link, Route, Routes } from "react-router";
import { SessionGuard } from "../components/session-guard.tsx";
import { useSignOut } from "../components/sign-out.ts";
import { LoadingRows } from "../components/states.tsx";
import { trade } from "../components/trade.ts";
import { UnsavedGuard } from "../components/unsaved.tsx";
import { belongTo, OUTSIDE, PORTAL } from "../graphql/tab.ts";
import { meta } from "../meta.ts";
import { ClientProvider } from "../session.tsx";
import { Brand, isBranded, paint } from "./brand.tsx";
import { PortalSignOut } from "./documents.ts";
import classes from "./portal.module.css";
import { PortalRequestPage } from "./request.tsx";
import { PortalSessionProvider, usePortal } from "./session.tsx";
import { PortalWebhookPage } from "./webhook.tsx";
import { PortalWebhooksPage } from "./webhooks.tsx";

const tokenInAddress = (): string | undefined => new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined;

interface GateProps {
  title: string;
  picture?: Icon;
  children: ReactNode;
  action?: ReactNode;
}

function Gate({ title, picture: Picture = IconLinkOff, children, action }: GateProps) {
  useEffect(() => {
    const name = meta("portal-name");
    document.title = name === undefined ? title : `${title} · ${name}`;
  }, [title]);
  return (
    <>
      {isBranded() && (
        <header className={classes["bar"]}>
          <Brand />
        </header>
      )}
      <main className={classes["gate"]}>
        <Picture size={28} stroke={1.5} aria-hidden />
        <h1>{title}</h1>
        <p className="quiet">{children}</p>
        {action}
      </main>
    </>
  );
}

function Frame({ children, signedOut }: { children: ReactNode; signedOut: () => void }) {
  const { application, writes, delivering } = usePortal();
  const signOut = useSignOut(PortalSignOut, signedOut);
  return (
    <>
      <header className={classes["bar"]}>
        {isBranded() && <Brand />}
        <p className={`clip ${classes["name"]}`}>
          <Link to="/portal">{application.name}</Link>
        </p>
        <Button size="xs" variant="default" onClick={signOut}>
          Sign out
        </Button>
      </header>
      <main className={classes["main"]} id="content" tabIndex={-1}>
        {!delivering && (
          <Alert color="yellow" variant="light" role="status" title="Nothing is delivered at the moment" m="md">
            What comes in waits until deliveries go on.
          </Alert>
        )}
        {!writes && (
          <Alert variant="light" color="gray" m="md" p="xs" role="status">
            You can look, and change nothing.
          </Alert>
        )}
        {children}
      </main>
    </>
  );
}

type Stage = "entering" | "inside" | "later" | "refused" | "ended";

export function Portal() {
  const [stage, setStage] = useState<Stage>(() => (tokenInAddress() === undefined ? "inside" : "entering"));
  /** What was said of the link last. */
  const [said, setSaid] = useState("");
  const tried = useRef(false);
  const ended = useCallback(() => {
    // What is opened in this browser from now on is nothing of this page's.
    belongTo(OUTSIDE, () => undefined);
    setStage("ended");
  }, []);
  useLayoutEffect(paint, []);

  const enter = useCallback(async () => {
    const token = tokenInAddress();
    if (token === undefined) return;
    setStage("entering");
    const refusal = await trade("/portal/sign-in", token);
    // From then on it is of no use to anybody. Before, a reload and whoever tries again need it.
    if (!refusal?.later) history.replaceState(history.state, "", location.pathname + location.search);
    setSaid(refusal?.message ?? "");
    setStage(!refusal ? "inside" : refusal.later ? "later" : "refused");
  }, []);
  useEffect(() => {
    if (tried.current) return;
    tried.current = true;
    void enter();
  }, [enter]);

  // A further link that is opened in this tab changes the fragment alone, and loads nothing by itself.
  useEffect(() => {
    const opened = () => tokenInAddress() !== undefined && location.reload();
    addEventListener("hashchange", opened);
    return () => removeEventListener("hashchange", opened);
  }, []);

  if (stage === "entering") return <LoadingRows />;
  if (stage === "later")
    return (
      <Gate title="Not signed in yet" picture={IconCloudOff} action={<Button onClick={() => void enter()}>Try again</Button>}>
        {said} Your link is kept.
      </Gate>
    );
  if (stage === "refused")
    return (
      <Gate title="This link does not work">This link was used before, or has expired. Ask for a new link where you found this one.</Gate>
    );
  if (stage === "ended")
    return <Gate title="You are signed out">Your session has ended. Ask for a new link where you found the last one.</Gate>;
  return (
    <ClientProvider signedOut={ended} door={PORTAL}>
      <UnsavedGuard />
      <SessionGuard portal />
      <PortalSessionProvider>
        <Frame signedOut={ended}>
          <Routes>
            <Route path="/portal/webhooks/:id" element={<PortalWebhookPage />} />
            <Route path="/portal/requests/:number" element={<PortalRequestPage />} />
            <Route path="/portal/*" element={<PortalWebhooksPage />} />
          </Routes>
        </Frame>
      </PortalSessionProvider>
    </ClientProvider>
  );
}
