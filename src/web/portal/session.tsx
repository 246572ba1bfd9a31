/** Who is signed in to the portal: one application's people, by a link that is good once. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { useQuery } from "urql";
import { useEvery } from "../components/clock.ts";
import { Failed, LoadingRows } from "../components/states.tsx";
import { isOf } from "../graphql/tab.ts";
import { PortalViewer } from "./documents.ts";

interface PortalSession {
  application: { id: string; name: string };
  /** Whether it may change something; a link may be for looking alone. */
  writes: boolean;
  /** Whether anything is sent: neither this server nor the organization holds all deliveries up. */
  delivering: boolean;
}

/** The operator may pause all deliveries, or let them go on: milliseconds until a page knows. */
const ASKED_MS = 15_000;

const Context = createContext<PortalSession | undefined>(undefined);

export function usePortal(): PortalSession {
  const session = useContext(Context);
  if (!session) throw new Error("outside of the portal");
  return session;
}

export function PortalSessionProvider({ children }: { children: ReactNode }) {
  const [{ data, error }, ask] = useQuery({ query: PortalViewer });
  const again = useCallback(() => ask({ requestPolicy: "network-only" }), [ask]);
  useEvery(ASKED_MS, again);
  const [known, setKnown] = useState<PortalSession>();
  const viewer = data?.viewer;
  useEffect(() => {
    if (viewer?.application) isOf(viewer.application.id);
  }, [viewer]);
  const session = useMemo<PortalSession | undefined>(
    () =>
      viewer?.application
        ? {
            application: viewer.application,
            writes: viewer.scopes.includes("webhooks:write"),
            delivering: viewer.delivering && viewer.deliveriesPausedAt === null,
          }
        : undefined,
    [viewer],
  );
  if (session && session !== known) setKnown(session);
  // It is asked again while somebody looks: a server that does not answer takes no page away.
  const shown = data ? session : known;
  if (shown) return <Context value={shown}>{children}</Context>;
  if (error && error.response?.status !== 401) return <Failed error={error} retry={again} />;
  return <LoadingRows />;
}
