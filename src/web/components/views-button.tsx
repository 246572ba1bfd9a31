import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconBookmark } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import type { Place } from "./views.ts";

const ViewsWindow = lazy(async () => ({ default: (await import("./views-window.tsx")).ViewsWindow }));

/** @param query of what is shown now; "" for all of it */
export function ViewsButton({ place, query }: { place: Place; query: string }) {
  const [open, panel] = useDisclosure(false);
  return (
    <>
      <Button size="xs" variant="default" leftSection={<IconBookmark size={14} aria-hidden />} onClick={panel.open}>
        Views
      </Button>
      {open && (
        <Suspense>
          <ViewsWindow place={place} query={query} close={panel.close} />
        </Suspense>
      )}
    </>
  );
}
