/** Who is signed in, and what they may do: the dashboard shows no button that the server would refuse. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { Provider, useQuery } from "urql";
import { announceZone, currentZone, setZone } from "./components/zone.ts";
import { useZoneChoice, zoneOf } from "./components/zone-choice.ts";
import { createClient } from "./graphql/client.ts";
import { type Door, isOf } from "./graphql/tab.ts";
import { graphql, type ResultOf } from "./graphql/tada.ts";

const ViewerQuery = graphql(`
  query Viewer {
    viewer {
      role
      scopes
      delivering
      user {
        id
        name
        email
      }
      organization {
        id
        name
        timeZone
        features
        deliveriesPausedAt
      }
    }
  }
`);

export type Viewer = NonNullable<ResultOf<typeof ViewerQuery>["viewer"]>;

/** Whose choices are kept under this name. */
export const personOf = (viewer: Viewer): string => viewer.user?.id ?? "token";

interface Session {
  viewer: Viewer;
  /** Whether the viewer has that scope, such as `webhooks:write`. */
  can(scope: string): boolean;
  /** Asks again who is signed in, and how it stands with the organization. */
  refresh(): void;
}

const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("outside of a session");
  return session;
}

/** A client that forgets everything whenever the person changes. */
export function ClientProvider({ children, signedOut, door }: { children: ReactNode; signedOut: () => void; door?: Door }) {
  const client = useMemo(() => createClient(signedOut, door), [signedOut, door]);
  return <Provider value={client}>{children}</Provider>;
}

export function SessionProvider({
  children,
  waiting,
  failed,
}: {
  children: ReactNode;
  waiting: ReactNode;
  failed: (retry: () => void) => ReactNode;
}) {
  const [result, retry] = useQuery({ query: ViewerQuery });
  const refresh = useCallback(() => retry({ requestPolicy: "network-only" }), [retry]);
  const [known, setKnown] = useState<Viewer>();
  const now = result.data?.viewer;
  // It is asked again while somebody works: a server that does not answer takes no page away, and nothing that is typed on it.
  const viewer = result.data ? now : known;
  if (now && now !== known) setKnown(now);
  useEffect(() => {
    if (now) isOf(now.user?.id, now.organization.id);
  }, [now]);
  const choice = useZoneChoice(viewer ? personOf(viewer) : "");
  const zone = viewer ? zoneOf(choice, viewer.organization.timeZone) : currentZone();
  // Before anything below formats a time.
  setZone(zone);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another zone is told to those who show times
  useEffect(announceZone, [zone]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another zone is another session, for those who format times themselves
  const session = useMemo<Session | undefined>(
    () => (viewer ? { viewer, can: (scope) => viewer.scopes.includes(scope), refresh } : undefined),
    [viewer, refresh, zone],
  );
  if (session) return <SessionContext value={session}>{children}</SessionContext>;
  if (result.error && result.error.response?.status !== 401) return failed(refresh);
  return waiting;
}
