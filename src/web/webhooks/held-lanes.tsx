/** The lanes of a webhook that something holds up or stands behind, on its page. */
import { Link } from "react-router";
import { useNow } from "../components/clock.ts";
import { formatAgo, formatCapped, formatCount } from "../components/format.ts";
import { Section } from "../components/page.tsx";
import { Tag } from "../components/tag.tsx";
import { Why } from "../request/why.tsx";
import type { DefinitionData } from "./documents.ts";
import classes from "./held-lanes.module.css";

/** Of all that there are; what comes first waits for a person. */
const MOST_SHOWN = 5;

const lanesOf = (...all: DefinitionData["blocked"][]) => all.flatMap(({ edges }) => edges.map((edge) => edge.node)).slice(0, MOST_SHOWN);

export function HeldLanes({ data, id }: { data: DefinitionData; id: string }) {
  const now = useNow(1_000);
  const { blocked, waiting, paused, busy } = data;
  const lanes = lanesOf(blocked, waiting, paused, busy);
  // Each link lists what its figure counted; the lanes' page has no view of paused ones alone.
  const counts = [
    { of: blocked, word: "blocked", view: "blocked" },
    { of: waiting, word: "waiting", view: "waiting" },
    { of: paused, word: "paused", view: undefined },
    { of: busy, word: "sending", view: "busy" },
  ].filter(({ of }) => of.totalCount > 0);
  return (
    <Section
      title="Lanes"
      actions={
        counts.length > 0 && (
          <span className={classes["counts"]}>
            {counts.map(({ of, word, view }) => {
              const words = `${formatCapped(of.totalCount, of.totalCountCapped)} ${word}`;
              return view === undefined ? (
                <span key={word}>{words}</span>
              ) : (
                <Link key={word} to={`/lanes?view=${view}&definition=${id}`}>
                  {words}
                </Link>
              );
            })}
          </span>
        )
      }
    >
      {lanes.length === 0 ? (
        <p className="quiet">Nothing is held up, and nothing stands in the queue.</p>
      ) : (
        <ul className={classes["list"]} aria-label="Lanes">
          {lanes.map((lane) => (
            <li key={lane.id}>
              <Tag kind="lane" state={lane.state} bare />
              <span className="mono clip">{lane.key ?? <span className="quiet">the only lane</span>}</span>
              <span className="quiet num">{formatCount(lane.pendingCount)} behind</span>
              <span className={`num ${classes["next"]}`}>{lane.until === null ? "" : `next try ${formatAgo(lane.until, now)}`}</span>
              {lane.head && (
                <span className={classes["why"]}>
                  <Link className="plain num" to={`/log/${lane.head.number}`}>
                    #{lane.head.number}
                  </Link>{" "}
                  <Why request={lane.head} />
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
