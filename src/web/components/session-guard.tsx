/** What is said when a tab can no longer call under its session. What was typed stays on the page until the person lets it go. */
import { Button, Modal } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import { tell } from "../graphql/act.ts";
import { loadAnew, takeNote, useTab } from "../graphql/tab.ts";
import classes from "./panel.module.css";
import { discardAll } from "./unsaved.tsx";

interface GuardProps {
  /** How the person gets a session again. */
  again: string;
  button?: ReactNode;
}

export function SessionGuard({ again, button }: GuardProps) {
  const { state, tries } = useTab();
  const [shown, setShown] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is tried once more is answered once more
  useEffect(() => setShown(state !== "good"), [state, tries]);
  useEffect(() => {
    if (takeNote()) tell("Somebody else has signed in in this browser: the page was loaded anew for them");
  }, []);
  const close = () => setShown(false);
  const over = state === "over";
  return (
    <Modal
      opened={shown && state !== "good"}
      onClose={close}
      title={over ? "Your session has ended" : "Somebody else has signed in"}
      closeButtonProps={{ "aria-label": "Close" }}
      zIndex={450}
    >
      <div className={classes["question"]}>
        {over
          ? again
          : "This page was opened for another session than this browser has now. Nothing goes out from it until it is loaded anew."}
      </div>
      <div className={classes["buttons"]}>
        <Button variant="default" onClick={close}>
          Back to what I typed
        </Button>
        {over ? (
          button
        ) : (
          <Button
            color="red"
            onClick={() => {
              discardAll();
              loadAnew();
            }}
          >
            Discard and reload
          </Button>
        )}
      </div>
    </Modal>
  );
}
