import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";

/** Long enough to read it, and to change one's mind. */
const SHOWN_MS = 10_000;

/** Tells what was done, with a way back. */
export function tellWithUndo(message: string, undo: () => unknown): void {
  const id = notifications.show({
    color: "accent",
    autoClose: SHOWN_MS,
    message: (
      <span style={{ display: "flex", alignItems: "center", gap: 12, justifyContent: "space-between" }}>
        <span>{message}</span>
        <Button
          size="compact-xs"
          variant="default"
          onClick={() => {
            notifications.hide(id);
            undo();
          }}
        >
          Undo
        </Button>
      </span>
    ),
  });
}
