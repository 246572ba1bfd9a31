/** The webhook's editor, loaded when it is first opened: a third of what its pages would weigh without. */
import { type ComponentProps, lazy, Suspense, useState } from "react";
import type { DefinitionEditor as Editor, CreatedSecret as Secret } from "./editor.tsx";

const load = () => import("./editor.tsx");
const LazyEditor = lazy(async () => ({ default: (await load()).DefinitionEditor }));
const LazySecret = lazy(async () => ({ default: (await load()).CreatedSecret }));

/** Once it was opened it stays, so that it can close as it opened. */
export function DefinitionEditor(props: ComponentProps<typeof Editor>) {
  const [used, setUsed] = useState(false);
  if (!used && props.task !== undefined) setUsed(true);
  return (
    used && (
      <Suspense>
        <LazyEditor {...props} />
      </Suspense>
    )
  );
}

export function CreatedSecret(props: ComponentProps<typeof Secret>) {
  return (
    props.secret !== undefined && (
      <Suspense>
        <LazySecret {...props} />
      </Suspense>
    )
  );
}
