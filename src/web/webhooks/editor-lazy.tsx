/** The webhook's editor, loaded when it is first opened: a third of what its pages would weigh without. */
import { type ComponentProps, lazy, Suspense, useState } from "react";
import type { DefinitionEditor as Editor } from "./editor.tsx";

const LazyEditor = lazy(async () => ({ default: (await import("./editor.tsx")).DefinitionEditor }));

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
