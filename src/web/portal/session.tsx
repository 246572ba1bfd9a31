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

/** How trying a link went. Unreachable: nobody has said anything of the link, which may be good still. */
export type Entered = "inside" | "refused" | "unreachable";

/** What says that somebody may try again, with the same. */
const LATER = new Set([408, 425, 429]);

/** Trades the link's token for the portal's cookies. */
export async function enterPortal(token: string): Promise<Entered> {
  const headers = { "content-type": "application/json" };
  const response = await fetch("/portal/sign-in", { method: "POST", headers, body: JSON.stringify({ token }) }).catch(() => undefined);
  if (response?.ok) return "inside";
  return !response || response.status >= 500 || LATER.has(response.status) ? "unreachable" : "refused";
}
