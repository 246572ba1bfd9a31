/** The button that resends what a view shows, on the server; its window is loaded when it is first opened. */
import { Button, Modal } from "@mantine/core";
import { IconRotateClockwise } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { LoadingRows } from "../components/states.tsx";
import type { LogFilter } from "./filter.ts";

const Panel = lazy(async () => ({ default: (await import("./resend-panel.tsx")).ResendPanel }));

export function ResendAllButton({ filter }: { filter: LogFilter }) {
  // The view that it was asked of: another one closes the window.
  const [asked, setAsked] = useState<LogFilter>();
  const close = () => setAsked(undefined);
  return (
    <>
      <Button size="xs" variant="default" leftSection={<IconRotateClockwise size={14} />} onClick={() => setAsked(filter)}>
        Resend all…
      </Button>
      <Modal opened={asked === filter} onClose={close} title="Resend requests" closeButtonProps={{ "aria-label": "Close" }}>
        <Suspense fallback={<LoadingRows />}>
          <Panel filter={filter} close={close} />
        </Suspense>
      </Modal>
    </>
  );
}
