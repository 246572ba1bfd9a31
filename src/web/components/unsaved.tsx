/** Work that is not saved is never thrown away without asking: by another page, by the back button, by closing the tab. */
import { Button, Modal } from "@mantine/core";
import type { Transition } from "history";
import { useEffect, useLayoutEffect, useMemo, useState } from "react";
import { history } from "../history.ts";
import classes from "./panel.module.css";
import { hasUnsaved, open, type Work } from "./unsaved-work.ts";

let ask: ((leave: () => void) => void) | undefined;
/** Set while the address is held, which also makes the browser ask before the tab is closed. */
let release: (() => void) | undefined;
let letting = false;

function hold(): void {
  const unsaved = hasUnsaved();
  if (unsaved && !release && !letting) release = history.block(held);
  else if (!unsaved) letGo();
}

function letGo(): void {
  release?.();
  release = undefined;
}

function held(wanted: Transition): void {
  // Filters and tabs change the address, too, and leave a page's forms where they are.
  if (ask === undefined || wanted.location.pathname === history.location.pathname) go(wanted);
  else ask(() => go(wanted));
}

/** For what leaves the page by itself, without another address. */
export function askToLeave(leave: () => void): void {
  if (ask === undefined || !hasUnsaved()) leave();
  else ask(leave);
}

/** The back button changes the address later, so that it is held again when it has changed. */
function go(wanted: Transition): void {
  letGo();
  letting = true;
  const stop = history.listen(() => {
    stop();
    letting = false;
    hold();
  });
  wanted.retry();
}

/** Whoever leaves now has been asked. */
export function discardAll(): void {
  for (const work of open) work.unsaved = false;
  hold();
}

/** @returns `settle`: from now on, and until `dirty` changes, nothing is lost by leaving */
export function useUnsaved(dirty: boolean): { settle: () => void } {
  const work = useMemo<Work>(() => ({ unsaved: false }), []);
  useLayoutEffect(() => {
    open.add(work);
    hold();
    return () => {
      open.delete(work);
      hold();
    };
  }, [work]);
  useLayoutEffect(() => {
    work.unsaved = dirty;
    hold();
  }, [work, dirty]);
  return useMemo(
    () => ({
      settle: () => {
        work.unsaved = false;
        hold();
      },
    }),
    [work],
  );
}

interface QuestionProps {
  asking: boolean;
  keep: () => void;
  discard: () => void;
}

export function DiscardQuestion({ asking, keep, discard }: QuestionProps) {
  return (
    <Modal opened={asking} onClose={keep} title="Discard what you have typed?" closeButtonProps={{ "aria-label": "Close" }} zIndex={400}>
      <div className={classes["question"]}>It is not saved yet.</div>
      <div className={classes["buttons"]}>
        <Button variant="default" onClick={keep} data-autofocus>
          Go on editing
        </Button>
        <Button color="red" onClick={discard}>
          Discard
        </Button>
      </div>
    </Modal>
  );
}

/** Once for the whole dashboard. */
export function UnsavedGuard() {
  const [wanted, setWanted] = useState<() => void>();
  useEffect(() => {
    // A function in a function: React calls what it is given.
    ask = (leave) => setWanted(() => leave);
    return () => {
      ask = undefined;
    };
  }, []);
  return (
    <DiscardQuestion
      asking={wanted !== undefined}
      keep={() => setWanted(undefined)}
      discard={() => {
        setWanted(undefined);
        wanted?.();
      }}
    />
  );
}
