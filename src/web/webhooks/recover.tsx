/** The button that opens Recover; the panel is loaded when it is first opened. */
import { Button, Drawer } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { LoadingRows } from "../components/states.tsx";
import type { RecoverScope } from "./recover-panel.tsx";
import type { Started } from "./replay-run.tsx";

/** Here, and not in the panel's style sheet, which would come with the first page. */
const TITLE = { fontWeight: 620, fontSize: "1.05rem" };

const Panel = lazy(async () => ({ default: (await import("./recover-panel.tsx")).RecoverPanel }));

interface RecoverButtonProps {
  scope: RecoverScope;
  size?: "xs" | "sm";
  /** After the panel is closed. */
  closed?: () => void;
}

export function RecoverButton({ scope, size = "sm", closed }: RecoverButtonProps) {
  const [opened, setOpened] = useState(false);
  // Here and not in the panel: what goes on is found again when the panel is opened again.
  const [runs, setRuns] = useState<readonly Started[]>([]);
  const only = scope.webhooks.length === 1 ? scope.webhooks[0]?.name : undefined;
  return (
    <>
      <Button size={size} variant="default" leftSection={<IconHistory size={size === "xs" ? 14 : 15} />} onClick={() => setOpened(true)}>
        Recover…
      </Button>
      <Drawer
        opened={opened}
        onClose={() => {
          setOpened(false);
          closed?.();
        }}
        title={only === undefined ? "Recover" : `Recover ${only}`}
        size={520}
        styles={{ title: TITLE }}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <Suspense fallback={<LoadingRows />}>
          <Panel scope={scope} runs={runs} setRuns={setRuns} />
        </Suspense>
      </Drawer>
    </>
  );
}
