/** The panel from the right in which things are made and changed, and the question before something is done for good. */
import { Alert, Button, Drawer, Modal } from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import type { Failure } from "../graphql/act.ts";
import classes from "./panel.module.css";

interface PanelProps {
  opened: boolean;
  close: () => void;
  title: string;
  submitLabel: string;
  submit: () => void;
  busy: boolean;
  failure: Failure | undefined;
  size?: number;
  children: ReactNode;
}

export function FormPanel({ opened, close, title, submitLabel, submit, busy, failure, size = 520, children }: PanelProps) {
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation();
    submit();
  };
  const issues = failure ? Object.entries(failure.issues) : [];
  return (
    <Drawer
      opened={opened}
      onClose={close}
      title={title}
      size={size}
      closeButtonProps={{ "aria-label": "Close" }}
      classNames={{ body: classes["body"] ?? "", title: classes["title"] ?? "" }}
    >
      <form onSubmit={onSubmit} className={classes["form"]} noValidate>
        <div className={classes["fields"]}>
          {children}
          {failure && (
            <Alert color="red" variant="light" title={failure.message} role="alert">
              {issues.map(([path, message]) => (
                <div key={path}>
                  <span className="mono">{path}</span>: {message}
                </div>
              ))}
            </Alert>
          )}
        </div>
        <div className={classes["foot"]}>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            {submitLabel}
          </Button>
        </div>
      </form>
    </Drawer>
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

export function Confirm({ title, children, confirmLabel, danger = true, confirm, button }: ConfirmProps) {
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  return (
    <>
      {button(() => setAsking(true))}
      <Modal opened={asking} onClose={() => setAsking(false)} title={title} closeButtonProps={{ "aria-label": "Close" }}>
        <div className={classes["question"]}>{children}</div>
        <div className={classes["buttons"]}>
          <Button variant="default" onClick={() => setAsking(false)}>
            Keep as it is
          </Button>
          <Button
            {...(danger ? { color: "red" } : {})}
            loading={busy}
            data-autofocus
            onClick={async () => {
              setBusy(true);
              await confirm();
              setBusy(false);
              setAsking(false);
            }}
          >
            {confirmLabel}
          </Button>
        </div>
      </Modal>
    </>
  );
}
