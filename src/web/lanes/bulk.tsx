/** What is done with several lanes at once: one after another, with a result for each. */
import { Button, Modal } from "@mantine/core";
import { IconPlayerSkipForward, IconRotateClockwise, IconX } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { plural } from "../components/format.ts";
import { Confirm } from "../components/panel.tsx";
import { tell, usePerform } from "../graphql/act.ts";
import { RetryNow, Skip } from "../request/documents.ts";
import classes from "./bulk.module.css";
import type { Lane } from "./documents.ts";

/** Lanes whose head can be tried or skipped. */
const isHeldUp = (lane: Lane) => lane.head !== null && (lane.state === "WAITING" || lane.state === "BLOCKED");
const DOING = { retry: "Trying", skip: "Skipping" };
type Action = keyof typeof DOING;

interface Failed {
  lane: Lane;
  why: string;
}

interface BulkProps {
  lanes: Lane[];
  clear: () => void;
  refresh: () => void;
}

export function LaneBar({ lanes, clear, refresh }: BulkProps) {
  const perform = usePerform();
  const [run, setRun] = useState<{ action: Action; done: number; total: number }>();
  const [failures, setFailures] = useState<Failed[]>([]);
  const stopped = useRef(false);
  const fitting = lanes.filter(isHeldUp);

  async function start(action: Action) {
    const failed: Failed[] = [];
    let done = 0;
    stopped.current = false;
    for (const lane of fitting) {
      if (stopped.current || !lane.head) break;
      setRun({ action, done, total: fitting.length });
      const input = { id: lane.head.id };
      const outcome = action === "retry" ? await perform(RetryNow, { input }) : await perform(Skip, { input });
      if (!outcome.ok) failed.push({ lane, why: outcome.failure.message });
      done++;
    }
    setRun(undefined);
    setFailures(failed);
    const changed = done - failed.length;
    const left = fitting.length - done;
    tell(
      [
        `${plural(changed, "head")} ${action === "retry" ? "tried now" : "skipped"}`,
        ...(failed.length > 0 ? [`${failed.length} failed: ${failed[0]?.why ?? ""}`] : []),
        ...(left > 0 ? [`${left} left as they were`] : []),
      ].join(" · "),
    );
    refresh();
    if (failed.length === 0) clear();
  }

  return (
    <>
      <section className={classes["bar"]} aria-label="Selection">
        {run ? (
          <span className="num" role="status">
            {DOING[run.action]}: {run.done} of {run.total}
          </span>
        ) : (
          <>
            <span className="num">{plural(lanes.length, "lane")} selected</span>
            <Button
              size="xs"
              disabled={fitting.length === 0}
              leftSection={<IconRotateClockwise size={14} />}
              onClick={() => void start("retry")}
            >
              Retry now
            </Button>
            <Confirm
              title={`Skip ${plural(fitting.length, "head")}?`}
              confirmLabel="Skip"
              button={(open) => (
                <Button
                  size="xs"
                  variant="default"
                  disabled={fitting.length === 0}
                  leftSection={<IconPlayerSkipForward size={14} />}
                  onClick={open}
                >
                  Skip the heads…
                </Button>
              )}
              confirm={() => start("skip")}
            >
              Their receivers never get them, and each lane goes on with what is behind. A skipped request can be resent later.
            </Confirm>
          </>
        )}
        <Button
          size="xs"
          variant="subtle"
          color="gray"
          leftSection={<IconX size={14} />}
          onClick={() => {
            if (run) stopped.current = true;
            else clear();
          }}
        >
          {run ? "Stop" : "Clear"}
        </Button>
      </section>
      <Modal
        opened={failures.length > 0}
        onClose={() => setFailures([])}
        title={`${plural(failures.length, "lane")} could not be changed`}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <ul className={classes["failures"]}>
          {failures.map(({ lane, why }) => (
            <li key={lane.id}>
              {lane.webhookDefinition.name} {lane.key && <span className="mono">{lane.key}</span>}: {why}
            </li>
          ))}
        </ul>
      </Modal>
    </>
  );
}
