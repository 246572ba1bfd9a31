/** What is done with several lanes at once: one after another, with a result for each. */
import { Button, Modal } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconPlayerSkipForward, IconRotateClockwise, IconX } from "@tabler/icons-react";
import { useRef, useState } from "react";
import { plural } from "../components/format.ts";
import { Confirm } from "../components/panel.tsx";
import { tell, usePerform } from "../graphql/act.ts";
import { RetryNow, Skip } from "../request/documents.ts";
import classes from "./bulk.module.css";
import { type Lane, PauseLane, ResumeLane } from "./documents.ts";

/** Lanes whose head can be tried or skipped. */
const isHeldUp = (lane: Lane) => lane.head !== null && (lane.state === "WAITING" || lane.state === "BLOCKED");
/** What can be done, and with which lanes. */
const ACTIONS = {
  retry: { doing: "Trying", done: "head", past: "tried now", fits: isHeldUp },
  skip: { doing: "Skipping", done: "head", past: "skipped", fits: isHeldUp },
  pause: { doing: "Pausing", done: "lane", past: "paused", fits: (lane: Lane) => lane.state !== "PAUSED" },
  resume: { doing: "Resuming", done: "lane", past: "resumed", fits: (lane: Lane) => lane.state === "PAUSED" && lane.reason === "PAUSED" },
};
type Action = keyof typeof ACTIONS;

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
  const fitting = (action: Action) => lanes.filter(ACTIONS[action].fits);
  const heads = fitting("skip").length;

  const doOne = (action: Action, lane: Lane) => {
    if (action === "pause") return perform(PauseLane, { input: { id: lane.id } });
    if (action === "resume") return perform(ResumeLane, { input: { id: lane.id } });
    const input = { id: lane.head?.id ?? "" };
    return action === "retry" ? perform(RetryNow, { input }) : perform(Skip, { input });
  };

  async function start(action: Action) {
    const failed: Failed[] = [];
    const chosen = fitting(action);
    let done = 0;
    stopped.current = false;
    for (const lane of chosen) {
      if (stopped.current) break;
      setRun({ action, done, total: chosen.length });
      const outcome = await doOne(action, lane);
      if (!outcome.ok) failed.push({ lane, why: outcome.failure.message });
      done++;
    }
    setRun(undefined);
    setFailures(failed);
    const changed = done - failed.length;
    const left = chosen.length - done;
    tell(
      [
        `${plural(changed, ACTIONS[action].done)} ${ACTIONS[action].past}`,
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
            {ACTIONS[run.action].doing}: {run.done} of {run.total}
          </span>
        ) : (
          <>
            <span className="num">{plural(lanes.length, "lane")} selected</span>
            <Button size="xs" disabled={heads === 0} leftSection={<IconRotateClockwise size={14} />} onClick={() => void start("retry")}>
              Retry now
            </Button>
            <Confirm
              title={`Skip ${plural(heads, "head")}?`}
              confirmLabel="Skip"
              button={(open) => (
                <Button size="xs" variant="default" disabled={heads === 0} leftSection={<IconPlayerSkipForward size={14} />} onClick={open}>
                  Skip the heads…
                </Button>
              )}
              confirm={() => start("skip")}
            >
              Their receivers never get them, and each lane goes on with what is behind. A skipped request can be resent later.
            </Confirm>
            {fitting("pause").length > 0 && (
              <Button size="xs" variant="default" leftSection={<IconPlayerPause size={14} />} onClick={() => void start("pause")}>
                Pause
              </Button>
            )}
            {fitting("resume").length > 0 && (
              <Button size="xs" variant="default" leftSection={<IconPlayerPlay size={14} />} onClick={() => void start("resume")}>
                Resume
              </Button>
            )}
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
