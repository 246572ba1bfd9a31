/** Who is signed in to the portal: one application's people, by a link that is good once. */
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import { useQuery } from "urql";
import { Failed, LoadingRows } from "../components/states.tsx";
import { isOf } from "../graphql/tab.ts";
import { PortalViewer } from "./documents.ts";

interface PortalSession {
  application: { id: string; name: string };
  /** Whether it may change something; a link may be for looking alone. */
  writes: boolean;
  delivering: boolean;
}

const Context = createContext<PortalSession | undefined>(undefined);

export function usePortal(): PortalSession {
  const session = useContext(Context);
  if (!session) throw new Error("outside of the portal");
  return session;
}

export function PortalSessionProvider({ children }: { children: ReactNode }) {
  const [{ data, error }, again] = useQuery({ query: PortalViewer });
  const viewer = data?.viewer;
  useEffect(() => {
    if (viewer?.application) isOf(viewer.application.id);
  }, [viewer]);
  const session = useMemo<PortalSession | undefined>(
    () =>
      viewer?.application
        ? { application: viewer.application, writes: viewer.scopes.includes("webhooks:write"), delivering: viewer.delivering }
        : undefined,
    [viewer],
  );
  if (session) return <Context value={session}>{children}</Context>;
  if (error && error.response?.status !== 401) return <Failed error={error} retry={() => again({ requestPolicy: "network-only" })} />;
  return <LoadingRows />;
}
