/** Goals for a screen on the wall: figures and states to be read from across a room, live, and nothing else. */
import { Button, Checkbox, Popover } from "@mantine/core";
import { IconArrowsMaximize, IconListCheck, IconX } from "@tabler/icons-react";
import { type CSSProperties, useCallback, useEffect, useRef, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { useAtOnce } from "../components/at-once.ts";
import { useEvery } from "../components/clock.ts";
import { formatDay, formatDecimal } from "../components/format.ts";
import { LiveMark } from "../components/live.tsx";
import { Failed, LoadingRows, Partly } from "../components/states.tsx";
import { LOOKS } from "../components/tag.tsx";
import { useAllPages } from "../graphql/all-pages.ts";
import type { LiveStatus } from "../graphql/live.ts";
import type { ResultOf } from "../graphql/tada.ts";
import { GoalsQuery } from "./documents.ts";
import { gapToGreen } from "./gap.ts";
import { useRecorded } from "./live.ts";
import { Spark } from "./spark.tsx";
import classes from "./wall.module.css";

type Listed = ResultOf<typeof GoalsQuery>["goals"]["edges"][number]["node"];

/** Milliseconds after which what no subscription tells is asked for: thresholds, new goals, deleted values. */
const ASKED_MS = 30_000;

function Tile({ goal }: { goal: Listed }) {
  const values = goal.values.edges.map((edge) => edge.node);
  const latest = values[0];
  const { tone, word, icon: Picture } = LOOKS.goal[goal.status ?? "NONE"];
  const figure = latest === undefined ? "–" : formatDecimal(latest.value);
  const gap = latest && gapToGreen(goal, latest);
  return (
    <article className={classes["tile"]} data-tone={tone} aria-label={goal.name}>
      <h2 className={classes["name"]}>{goal.name}</h2>
      {/* As large as it fits: its length sets the size. */}
      <p className={classes["figure"]} style={{ "--length": Math.max(4, figure.length + (goal.unit?.length ?? 0) * 0.3) } as CSSProperties}>
        <span className="num">{figure}</span>{" "}
        {latest !== undefined && goal.unit !== null && <span className={classes["unit"]}>{goal.unit}</span>}
      </p>
      <p className={classes["state"]}>
        <Picture aria-hidden stroke={2.4} />
        <span>
          {word}
          {gap !== undefined && <span className={classes["gap"]}>{gap}</span>}
        </span>
      </p>
      <p className={classes["foot"]}>
        <Spark values={values} />
        {latest === undefined ? "no values yet" : formatDay(latest.date)}
      </p>
    </article>
  );
}

interface ChooserProps {
  goals: Listed[];
  chosen: readonly string[];
  choose: (ids: string[]) => void;
}

/** None chosen: all of them, those that are made later too. */
function Chooser({ goals, chosen, choose }: ChooserProps) {
  const [shown, show] = useAtOnce(chosen.join(" "));
  const ticked = shown.split(" ").filter(Boolean);
  const tick = (ids: string[]) => {
    show(ids.join(" "));
    choose(ids);
  };
  return (
    <Popover position="bottom-end" withArrow shadow="md" trapFocus>
      <Popover.Target>
        <Button size="xs" variant="default" leftSection={<IconListCheck size={15} />}>
          {ticked.length === 0 ? "All goals" : `${ticked.length} of ${goals.length}`}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label="Goals on the wall">
        <div className={classes["choices"]}>
          {goals.map(({ id, name }) => (
            <Checkbox
              key={id}
              size="xs"
              label={name}
              checked={ticked.includes(id)}
              onChange={(event) => tick(event.currentTarget.checked ? [...ticked, id] : ticked.filter((each) => each !== id))}
            />
          ))}
          <Button size="compact-xs" variant="subtle" disabled={ticked.length === 0} onClick={() => tick([])}>
            Show all
          </Button>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Escape leaves it, also by leaving the full screen, which the browser does without a key that a page could hear. */
function useLeaving(): () => void {
  const navigate = useNavigate();
  const leave = useCallback(() => {
    if (document.fullscreenElement) void document.exitFullscreen().catch(() => {});
    navigate("/goals");
  }, [navigate]);
  useEffect(() => {
    // What a window over the page takes, such as the list of goals, is not meant for the wall.
    const pressed = (event: KeyboardEvent) => event.key === "Escape" && !document.querySelector('[role="dialog"]') && leave();
    let full = false;
    const turned = () => {
      if (full && !document.fullscreenElement) navigate("/goals");
      full = document.fullscreenElement !== null;
    };
    document.addEventListener("keydown", pressed, true);
    document.addEventListener("fullscreenchange", turned);
    return () => {
      document.removeEventListener("keydown", pressed, true);
      document.removeEventListener("fullscreenchange", turned);
    };
  }, [leave, navigate]);
  return leave;
}

export function Wall() {
  const [query, setQuery] = useSearchParams();
  const [status, setStatus] = useState<LiveStatus>("connecting");
  const list = useAllPages(GoalsQuery, (data) => data.goals);
  const refresh = useRef(list.refresh);
  refresh.current = list.refresh;
  const [changed] = useState(() => () => refresh.current());
  useRecorded(undefined, changed, setStatus);
  useEvery(ASKED_MS, changed);
  const leave = useLeaving();
  useEffect(() => {
    document.title = "Wall · Hookline";
  }, []);
  const chosen = query.getAll("goal");
  const all = list.data ?? [];
  const shown = chosen.length === 0 ? all : all.filter(({ id }) => chosen.includes(id));
  return (
    <main className={classes["wall"]}>
      <header className={classes["head"]}>
        <h1 className={classes["title"]}>Goals</h1>
        <LiveMark status={status} />
        <span className={classes["buttons"]}>
          {all.length > 0 && <Chooser goals={all} chosen={chosen} choose={(ids) => setQuery({ goal: ids }, { replace: true })} />}
          {document.fullscreenEnabled && (
            <Button
              size="xs"
              variant="default"
              leftSection={<IconArrowsMaximize size={15} />}
              onClick={() => void document.documentElement.requestFullscreen().catch(() => {})}
            >
              Full screen
            </Button>
          )}
          <Button size="xs" variant="default" leftSection={<IconX size={15} />} onClick={leave}>
            Leave
          </Button>
        </span>
      </header>
      {list.data && <Partly of={list} retry={list.refresh} />}
      {list.error && !list.data && <Failed error={list.error} retry={list.refresh} />}
      {!list.error && !list.data && <LoadingRows />}
      {list.data && shown.length === 0 && <p className={classes["none"]}>No goals yet</p>}
      {shown.length > 0 && (
        <div className={classes["tiles"]}>
          {shown.map((goal) => (
            <Tile key={goal.id} goal={goal} />
          ))}
        </div>
      )}
    </main>
  );
}
