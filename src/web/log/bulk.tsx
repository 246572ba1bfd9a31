/** What can be done with many requests at once, with its progress. */
import { Button, Progress } from "@mantine/core";
import { IconPlayerSkipForward, IconRotateClockwise, IconTrash, IconX } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { plural } from "../components/format.ts";
import { Problem, tell, tellFailure, usePerform } from "../graphql/act.ts";
import { graphql } from "../graphql/tada.ts";
import classes from "./bulk.module.css";
import type { LogRow } from "./documents.ts";
import { isSettled } from "./filter.ts";

export const ResendOne = graphql(
  `
  mutation ResendOne($input: ResendWebhookRequestInput!) {
    resendWebhookRequest(input: $input) {
      __typename
      ... on WebhookRequest {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const CancelOne = graphql(
  `
  mutation CancelOne($input: CancelWebhookRequestInput!) {
    cancelWebhookRequest(input: $input) {
      __typename
      ... on WebhookRequest {
        id
        state
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const DeleteOne = graphql(
  `
  mutation DeleteOne($input: DeleteWebhookRequestInput!) {
    deleteWebhookRequest(input: $input) {
      __typename
      ... on WebhookRequest {
        id
      }
      ...Problem
    }
  }
`,
  [Problem],
);
const ACTIONS = {
  resend: { word: "Resend", fits: (row: LogRow) => isSettled(row.state) && !row.isTest },
  cancel: { word: "Cancel", fits: (row: LogRow) => row.state === "PENDING" || row.state === "WAITING" },
  delete: { word: "Delete", fits: (row: LogRow) => isSettled(row.state) },
} as const;
type Action = keyof typeof ACTIONS;

interface Run {
  word: string;
  total: number;
  done: number;
  failed: number;
  over: boolean;
}

interface BulkProps {
  rows: LogRow[];
  clear: () => void;
  removed: (ids: string[]) => void;
}

/**
 * The bar over a selection, and over what was begun with one: that goes on when the selection is gone, and can be stopped.
 * Requests are handled in their order, oldest first, one after another: lanes keep their order.
 */
export function SelectionBar({ rows, clear, removed }: BulkProps) {
  const perform = usePerform();
  const [run, setRun] = useState<Run>();
  const stopped = useRef(false);
  const left = useRef(false);
  // Of the view that is shown now, which may be another than the one it was begun in.
  const remove = useRef(removed);
  remove.current = removed;
  // Elsewhere there is nothing to stop it with.
  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
      stopped.current = true;
    };
  }, []);

  async function start(action: Action) {
    const { word, fits } = ACTIONS[action];
    const fitting = rows.filter(fits).sort((a, b) => a.number - b.number);
    stopped.current = false;
    let done = 0;
    let failed = 0;
    let lastFailure: Parameters<typeof tellFailure>[0] | undefined;
    const show = (over: boolean) => setRun({ word, total: fitting.length, done, failed, over });
    show(false);
    for (const row of fitting) {
      if (stopped.current) break;
      const outcome =
        action === "resend"
          ? await perform(ResendOne, { input: { id: row.id, force: row.state !== "REJECTED" } })
          : action === "cancel"
            ? await perform(CancelOne, { input: { id: row.id } })
            : await perform(DeleteOne, { input: { id: row.id } });
      if (!outcome.ok) {
        failed++;
        lastFailure = outcome.failure;
      } else if (action === "delete") remove.current([row.id]);
      done++;
      show(false);
    }
    show(true);
    if (left.current && done < fitting.length) tell(`${word}: stopped at ${done} of ${fitting.length}, as the log was left`);
    if (lastFailure) tellFailure({ ...lastFailure, message: `${plural(failed, "request")} could not be changed: ${lastFailure.message}` });
  }

  if (rows.length === 0 && run === undefined) return null;
  return (
    <section className={classes["bar"]} aria-label="Selection">
      {run === undefined ? (
        <>
          <span className="num">{plural(rows.length, "request")} selected</span>
          {(Object.keys(ACTIONS) as Action[]).map((action) => {
            const count = rows.filter(ACTIONS[action].fits).length;
            const Picture = action === "resend" ? IconRotateClockwise : action === "cancel" ? IconPlayerSkipForward : IconTrash;
            return (
              <Button
                key={action}
                size="xs"
                variant={action === "resend" ? "filled" : "default"}
                leftSection={<Picture size={14} />}
                disabled={count === 0}
                onClick={() => void start(action)}
              >
                {ACTIONS[action].word}
                {count > 0 && count < rows.length ? ` ${count}` : ""}
              </Button>
            );
          })}
        </>
      ) : (
        <Meter run={run} />
      )}
      <Button
        size="xs"
        variant="subtle"
        color="gray"
        leftSection={<IconX size={14} />}
        onClick={() => {
          if (run?.over === false) stopped.current = true;
          else {
            setRun(undefined);
            clear();
          }
        }}
      >
        {run?.over === false ? "Stop" : run ? "Done" : "Clear"}
      </Button>
    </section>
  );
}

function Meter({ run }: { run: Run }) {
  return (
    <div className={classes["meter"]}>
      <span className="num" role="status">
        {run.word}: {run.done} of {run.total}
        {run.failed > 0 ? ` · ${run.failed} not` : ""}
      </span>
      <Progress
        value={run.total === 0 ? 100 : (100 * run.done) / run.total}
        color={run.failed > 0 ? "yellow" : run.over ? "teal" : "accent"}
        aria-label={`${run.word} progress`}
        size="sm"
      />
    </div>
  );
}
