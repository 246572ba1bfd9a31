/** The result of an action, and a button that takes it back while the message stands. */
import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";

export function tellWithUndo(message: string, undo: () => void): void {
  const id = notifications.show({
    color: "accent",
    autoClose: 9_000,
    message: (
      <>
        {message}{" "}
        <Button
          size="compact-xs"
          variant="subtle"
          onClick={() => {
            notifications.hide(id);
            undo();
          }}
        >
          Undo
        </Button>
      </>
    ),
  });
}
