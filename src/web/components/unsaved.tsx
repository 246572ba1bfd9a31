/** Work that is not saved is never thrown away without asking: by another page, by the back button, by closing the tab. */
import { Button, Modal } from "@mantine/core";
import { useEffect, useLayoutEffect, useMemo } from "react";
import { useBlocker } from "react-router";
import classes from "./panel.module.css";

interface Work {
  unsaved: boolean;
}
/** Every form on the page. Kept outside of React: a form settles and its page is left in one breath, without a render between. */
const open = new Set<Work>();
const anyUnsaved = (): boolean => [...open].some((work) => work.unsaved);

/** @returns `settle`: from now on, and until `dirty` changes, nothing is lost by leaving */
export function useUnsaved(dirty: boolean): { settle: () => void } {
  const work = useMemo<Work>(() => ({ unsaved: false }), []);
  useLayoutEffect(() => {
    open.add(work);
    return () => {
      open.delete(work);
    };
  }, [work]);
  useLayoutEffect(() => {
    work.unsaved = dirty;
  }, [work, dirty]);
  return useMemo(
    () => ({
      settle: () => {
        work.unsaved = false;
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
  // Filters and tabs change the address, too, and leave a page's forms where they are.
  const blocker = useBlocker(({ currentLocation, nextLocation }) => anyUnsaved() && currentLocation.pathname !== nextLocation.pathname);
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => {
      if (anyUnsaved()) event.preventDefault();
    };
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, []);
  return <DiscardQuestion asking={blocker.state === "blocked"} keep={() => blocker.reset?.()} discard={() => blocker.proceed?.()} />;
}
