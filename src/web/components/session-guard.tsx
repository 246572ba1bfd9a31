import { type ComponentType, lazy, Suspense, useEffect } from "react";
import { tell } from "../graphql/act.ts";
import { takeNote, useTab } from "../graphql/tab.ts";

/** Loaded when it is needed. Where it cannot be, forms say by themselves why they were refused: no page is lost for it. */
const SessionEnded = lazy<ComponentType<{ portal: boolean }>>(() =>
  import("./session-ended.tsx").then(
    ({ SessionEnded: found }) => ({ default: found }),
    () => ({ default: () => null }),
  ),
);

/** Once for the whole dashboard, or the portal. */
export function SessionGuard({ portal = false }: { portal?: boolean }) {
  const { state } = useTab();
  useEffect(() => {
    if (takeNote()) tell("Somebody else has signed in in this browser: the page was loaded anew for them");
  }, []);
  return <Suspense>{state !== "good" && <SessionEnded portal={portal} />}</Suspense>;
}
