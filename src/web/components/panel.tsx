/** The panel from the right in which things are made and changed, and the question before something is done for good. */
import { Button, Drawer, Modal } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { type Failure, takeFailures } from "../graphql/act.ts";
import { useTab } from "../graphql/tab.ts";
import { ConflictQuestion } from "./conflict.tsx";
import type { FormState } from "./form.ts";
import { menuButtonOf } from "./opener.ts";
import classes from "./panel.module.css";
import { Refusal } from "./refusal.tsx";
import { DiscardQuestion } from "./unsaved.tsx";

interface FormBodyProps {
  /** Undefined: the form is only read. */
  submitLabel: string | undefined;
  submit: () => unknown;
  form: FormState;
  /** A second button before the first, such as Cancel. */
  cancel?: (() => void) | undefined;
  children: ReactNode;
}

/** Fields, what was wrong with them, and the button, in this order: also for a form that stands in a page. */
export function FormBody({ submitLabel, submit, form, cancel, children }: FormBodyProps) {
  const frame = useRef<HTMLFormElement>(null);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    // Which values are to stay is said first.
    if (!form.busy && !form.conflict) submit();
  };
  return (
    <form ref={frame} onSubmit={onSubmit} onInput={form.touch} className={classes["form"]} noValidate>
      <div className={classes["fields"]}>{children}</div>
      <div className={classes["foot"]} data-panel={cancel !== undefined || undefined}>
        {form.conflict && <ConflictQuestion conflict={form.conflict} />}
        <Refusal failure={form.failure} frame={frame} />
        <div className={classes["buttons"]} data-start={cancel === undefined || undefined}>
          {cancel && (
            <Button variant="default" onClick={cancel}>
              Cancel
            </Button>
          )}
          {submitLabel !== undefined && (
            <Button type="submit" loading={form.busy} disabled={form.conflict !== undefined}>
              {submitLabel}
            </Button>
          )}
        </div>
      </div>
    </form>
  );
}

interface PanelProps {
  opened: boolean;
  close: () => void;
  title: string;
  submitLabel: string;
  submit: () => unknown;
  form: FormState;
  size?: number;
  children: ReactNode;
}

export function FormPanel({ opened, close, title, submitLabel, submit, form, size = 520, children }: PanelProps) {
  const [asking, setAsking] = useState(false);
  // Of a session that is none any more another window speaks above this one.
  const { state } = useTab();
  // After the event: both windows listen for Escape, and the one that asks must not answer as well.
  const ask = (next: boolean) => setTimeout(() => setAsking(next));
  // A save that ended meanwhile has answered the question.
  useEffect(() => {
    if (!opened) setAsking(false);
  }, [opened]);
  const leave = () => {
    if (form.dirty) ask(true);
    else {
      form.discard();
      close();
    }
  };
  return (
    <>
      <Drawer
        opened={opened}
        onClose={leave}
        title={title}
        size={size}
        closeOnEscape={!asking && state === "good"}
        closeButtonProps={{ "aria-label": "Close" }}
        classNames={{ body: classes["body"] ?? "", title: classes["title"] ?? "" }}
      >
        <FormBody submitLabel={submitLabel} submit={submit} form={form} cancel={leave}>
          {children}
        </FormBody>
      </Drawer>
      <DiscardQuestion
        asking={opened && asking}
        keep={() => ask(false)}
        discard={() => {
          setAsking(false);
          form.discard();
          close();
        }}
      />
    </>
  );
}

interface ConfirmProps {
  title: string;
  children: ReactNode;
  confirmLabel: string;
  danger?: boolean;
  confirm: () => Promise<unknown> | unknown;
  button: (open: () => void) => ReactNode;
}

/** The question stays while it is acted upon, and when that failed: what went wrong is said in it. */
export function Confirm({ title, children, confirmLabel, danger = true, confirm, button }: ConfirmProps) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const menu = useRef<HTMLElement>(null);
  const open = () => {
    menu.current = menuButtonOf(document.activeElement);
    setAsking(true);
  };
  const close = () => {
    setAsking(false);
    setFailure(undefined);
  };
  async function act() {
    setBusy(true);
    setFailure(undefined);
    const failed = await takeFailures(confirm);
    setBusy(false);
    if (failed) setFailure(failed);
    else close();
  }
  return (
    <>
      {button(open)}
      <Modal
        opened={asking}
        onClose={close}
        // Mantine gives it back to what asked, which a menu has taken with it.
        onExitTransitionEnd={() => menu.current?.focus({ preventScroll: true })}
        title={title}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <div className={classes["question"]}>{children}</div>
        <Refusal failure={failure} />
        <div className={classes["buttons"]}>
          <Button variant="default" onClick={close}>
            Keep as it is
          </Button>
          <Button {...(danger ? { color: "red" } : {})} loading={busy} data-autofocus onClick={() => void act()}>
            {confirmLabel}
          </Button>
        </div>
      </Modal>
    </>
  );
}
