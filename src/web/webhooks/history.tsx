/** Who changed what of a webhook, and when, from the audit log: old and new value of each field, hidden ones masked. */
import { useEffect, useRef, useState } from "react";
import { useQuery } from "urql";
import { Code } from "../components/code.tsx";
import { Section } from "../components/page.tsx";
import { Pager } from "../components/pager.tsx";
import { Loaded } from "../components/states.tsx";
import { Moment } from "../components/time.tsx";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import type { WholeDefinition } from "./documents.ts";
import classes from "./history.module.css";
import { changesOf, droppedOf, type FieldChange } from "./history-changes.ts";

const HistoryQuery = graphql(`
  query WebhookHistory($id: ID!, $after: String) {
    auditEntries(first: 10, after: $after, filter: { subjectId: $id }) {
      edges {
        node {
          id
          action
          actor
          tokenPrefix
          before
          after
          createdAt
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`);
type Entry = ResultOf<typeof HistoryQuery>["auditEntries"]["edges"][number]["node"];

const VERBS: Record<string, string> = {
  create: "made it",
  update: "changed its settings",
  delete: "deleted it",
  stop: "stopped it",
  activate: "activated it",
  rotateSigningSecret: "rotated its signing secret",
  test: "sent a test",
};
const verbOf = (action: string): string => {
  const verb = action.slice(action.indexOf(".") + 1);
  return VERBS[verb] ?? verb.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
};

/** Longer ones, and those of several lines, stand in a frame of their own. */
const SHORT = 120;
const isShort = (text: string | null): boolean => text === null || (text.length <= SHORT && !text.includes("\n"));

function Value({ text, field, side }: { text: string | null; field: string; side: "before" | "after" }) {
  if (text === null) return <span className="quiet">{side === "before" ? "not set" : "no longer set"}</span>;
  return isShort(text) ? <span className={`mono ${classes[side]}`}>{text}</span> : <Code text={text} label={`${field} ${side}`} />;
}

function Change({ field, before, after }: FieldChange) {
  const short = isShort(before) && isShort(after);
  return (
    <div className={classes["change"]}>
      <dt>{field}</dt>
      <dd className={short ? classes["inline"] : classes["blocks"]}>
        <span className={classes["side"]}>
          <span className={classes["word"]}>from</span> <Value text={before} field={field} side="before" />
        </span>
        <span className={classes["side"]}>
          <span className={classes["word"]}>to</span> <Value text={after} field={field} side="after" />
        </span>
      </dd>
    </div>
  );
}

function Changes({ entry }: { entry: Entry }) {
  const { action, before, after } = entry;
  if (action !== "webhookDefinition.update") return null;
  const changes = changesOf(before, after);
  const dropped = droppedOf(after);
  return (
    <>
      {changes.length === 0 && <p className={classes["note"]}>No value that is shown here: a hidden header or property, or nothing.</p>}
      {changes.length > 0 && (
        <dl className={classes["changes"]}>
          {changes.map((change) => (
            <Change key={change.field} {...change} />
          ))}
        </dl>
      )}
      {dropped.length > 0 && <p className={classes["note"]}>With the target's origin went what was hidden: {dropped.join(", ")}.</p>}
    </>
  );
}

export function History({ definition }: { definition: WholeDefinition }) {
  const { id, updatedAt, state, signingSecretLastFour } = definition;
  const [after, setAfter] = useState<string | null>(null);
  const [result, ask] = useQuery({ query: HistoryQuery, variables: { id, after }, requestPolicy: "cache-and-network" });
  // Each change of one of these says that there is a new entry.
  const version = [updatedAt, state, signingSecretLastFour].join(" ");
  const seen = useRef(version);
  useEffect(() => {
    if (seen.current !== version) ask({ requestPolicy: "network-only" });
    seen.current = version;
  }, [ask, version]);
  return (
    <Section title="Settings history" hint="Who changed what, from the audit log. What is hidden is *** there, before and after.">
      <Loaded of={result} retry={() => ask({ requestPolicy: "network-only" })}>
        {({ auditEntries: { edges, pageInfo } }) =>
          edges.length === 0 ? (
            <p className="quiet">Nothing was written of it.</p>
          ) : (
            <>
              <ol className={classes["list"]} aria-label="Settings history">
                {edges.map(({ node }) => (
                  <li key={node.id}>
                    <p className={classes["head"]}>
                      <span>
                        <strong>{node.actor ?? "The system"}</strong> {verbOf(node.action)}
                        {node.tokenPrefix !== null && <span className="quiet"> by API token {node.tokenPrefix}…</span>}
                      </span>
                      <span className="quiet">
                        <Moment at={node.createdAt} />
                      </span>
                    </p>
                    <Changes entry={node} />
                  </li>
                ))}
              </ol>
              <Pager after={after} pageInfo={pageInfo} setAfter={setAfter} />
            </>
          )
        }
      </Loaded>
    </Section>
  );
}
