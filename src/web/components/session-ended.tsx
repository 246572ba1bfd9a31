/** What is said when a tab can no longer call under its session. What was typed stays on the page until the person lets it go. */
import { Button, Modal } from "@mantine/core";
import { useEffect, useState } from "react";
import { loadAnew, useTab } from "../graphql/tab.ts";
import classes from "./panel.module.css";
import { discardAll } from "./unsaved.tsx";

const OTHER = "This page was opened for another session than this browser has now. Nothing goes out from it until it is loaded anew.";
const OVER = "Sign in again in another tab: what you have typed is kept, and you go on here.";
const OVER_PORTAL =
  "Ask for a new link where you found the last one, and open it in this browser: what you have typed is kept, and you go on here.";

export function SessionEnded({ portal }: { portal: boolean }) {
  const { state, tries } = useTab();
  const [shown, setShown] = useState(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is tried once more is answered once more
  useEffect(() => setShown(true), [state, tries]);
  const over = state === "over";
  return (
    <Modal
      opened={shown && state !== "good"}
      onClose={() => setShown(false)}
      title={over ? "Your session has ended" : "Somebody else has signed in"}
      closeButtonProps={{ "aria-label": "Close" }}
      zIndex={450}
    >
      <div className={classes["question"]}>{!over ? OTHER : portal ? OVER_PORTAL : OVER}</div>
      <div className={classes["buttons"]}>
        <Button variant="default" onClick={() => setShown(false)}>
          Back to what I typed
        </Button>
        {over && !portal && (
          <Button component="a" href="/sign-in" target="_blank" rel="noopener" data-autofocus>
            Sign in in another tab
          </Button>
        )}
        {!over && (
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
