import { ActionIcon, Button, JsonInput, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconCheck, IconMinus, IconPlus, IconX } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useQuery } from "urql";
import { jsonMistake, parseJson } from "../components/form.ts";
import { same } from "../components/merge.ts";
import { Ago } from "../components/time.tsx";
import { explain } from "../graphql/client.ts";
import { graphql } from "../graphql/tada.ts";
import classes from "./filter-builder.module.css";
import { type Condition, type FilterRows, fromFilter, incomplete, OPERATORS, type Operator, toFilter } from "./filter-model.ts";

const PreviewQuery = graphql(`
  query FilterPreview($eventTypes: [String!]!, $filter: JSON) {
    filterPreview(eventTypes: $eventTypes, filter: $filter, last: 50) {
      scanned
      matched
      events {
        matches
        event {
          id
          type
          entity
          entityId
          createdAt
        }
      }
    }
  }
`);

const NO_JSON = "This is no JSON";

interface BuilderProps {
  filter: unknown;
  /** `mistake`: why what stands there is no filter yet; nothing may be saved until it is mended. */
  change: (filter: unknown, mistake: string | null) => void;
  error: string | undefined;
}

const textOf = (filter: unknown): string => (filter === null || filter === undefined ? "" : JSON.stringify(filter, null, 2));

export function FilterBuilder({ filter, change: tell, error }: BuilderProps) {
  // Rows that are not complete yet are kept here; the filter holds what is complete.
  const [rows, setRows] = useState<FilterRows | undefined>(() => fromFilter(filter));
  const [mode, setMode] = useState<"rows" | "json">(rows === undefined ? "json" : "rows");
  const [text, setText] = useState(() => textOf(filter));
  const [known, setKnown] = useState(filter);
  // Set by somebody else, such as by the answer to "changed meanwhile": what is shown is what will be saved.
  if (!same(known, filter)) {
    const read = fromFilter(filter);
    setKnown(filter);
    setRows(read);
    setText(textOf(filter));
    if (read === undefined) setMode("json");
  }
  const change: BuilderProps["change"] = (next, mistake) => {
    setKnown(next);
    tell(next, mistake);
  };

  const update = (next: FilterRows) => {
    setRows(next);
    change(toFilter(next), incomplete(next));
  };
  const edit = (index: number, part: Partial<Condition>) => {
    if (rows) update({ ...rows, conditions: rows.conditions.map((each, at) => (at === index ? { ...each, ...part } : each)) });
  };

  return (
    <div className={classes["builder"]}>
      <div className={classes["bar"]}>
        <SegmentedControl
          size="xs"
          aria-label="How to write the filter"
          value={mode}
          onChange={(next) => {
            if (next === "json") setText(textOf(filter));
            else {
              const read = fromFilter(filter);
              if (read === undefined) return; // richer than rows can show
              setRows(read);
              // What was half typed as JSON is left behind with it.
              change(filter, incomplete(read));
            }
            setMode(next as "rows" | "json");
          }}
          data={[
            { value: "rows", label: "Conditions" },
            { value: "json", label: "JSON" },
          ]}
        />
        {mode === "rows" && (rows?.conditions.length ?? 0) > 1 && (
          <SegmentedControl
            size="xs"
            aria-label="How conditions are joined"
            value={rows?.join ?? "$and"}
            onChange={(join) => rows && update({ ...rows, join: join as FilterRows["join"] })}
            data={[
              { value: "$and", label: "All must hold" },
              { value: "$or", label: "One is enough" },
            ]}
          />
        )}
      </div>
      {mode === "json" ? (
        <JsonInput
          aria-label="Filter as JSON"
          autosize
          minRows={4}
          maxRows={16}
          value={text}
          placeholder='{"payload": {"total": {"$gt": 100}}}'
          validationError={NO_JSON}
          classNames={{ input: "mono" }}
          onChange={(next) => {
            setText(next);
            const mistake = jsonMistake(next);
            change(mistake === null ? parseJson(next)?.value : filter, mistake);
          }}
          {...(error === undefined ? {} : { error })}
        />
      ) : (
        <>
          {rows?.conditions.map((condition, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: conditions have no other name than their place
            <div key={index} className={classes["row"]}>
              <TextInput
                size="xs"
                aria-label={`Condition ${index + 1}: path`}
                placeholder="payload.total"
                value={condition.path}
                onChange={(event) => edit(index, { path: event.currentTarget.value })}
                classNames={{ input: "mono" }}
              />
              <Select
                size="xs"
                aria-label={`Condition ${index + 1}: operator`}
                data={OPERATORS.map((each) => ({ value: each.value, label: each.label }))}
                value={condition.operator}
                allowDeselect={false}
                onChange={(operator) =>
                  edit(index, { operator: operator as Operator, ...(operator === "$exists" ? { value: "true" } : {}) })
                }
              />
              <TextInput
                size="xs"
                aria-label={`Condition ${index + 1}: value`}
                placeholder={condition.operator === "$in" || condition.operator === "$nin" ? "a, b, c" : "100"}
                value={condition.value}
                onChange={(event) => edit(index, { value: event.currentTarget.value })}
                classNames={{ input: "mono" }}
              />
              <ActionIcon
                aria-label={`Remove condition ${index + 1}`}
                onClick={() => update({ ...rows, conditions: rows.conditions.filter((_, at) => at !== index) })}
              >
                <IconX size={15} />
              </ActionIcon>
            </div>
          ))}
          <div>
            <Button
              size="xs"
              variant="default"
              leftSection={<IconPlus size={14} />}
              onClick={() =>
                update({
                  join: rows?.join ?? "$and",
                  conditions: [...(rows?.conditions ?? []), { path: "payload.", operator: "$eq", value: "" }],
                })
              }
            >
              Add a condition
            </Button>
          </div>
          {error && (
            <p className={classes["error"]} data-field-error>
              {error}
            </p>
          )}
        </>
      )}
    </div>
  );
}

/** Which of the newest events this would take: the proof of the filter before it is saved. */
export function FilterPreview({ eventTypes, filter }: { eventTypes: string[]; filter: unknown }) {
  const key = JSON.stringify([eventTypes, filter]);
  const [settled] = useDebouncedValue(key, 300);
  const variables = useMemo(() => {
    const [types, json] = JSON.parse(settled) as [string[], unknown];
    return { eventTypes: types, filter: json };
  }, [settled]);
  const [{ data, error, fetching }] = useQuery({ query: PreviewQuery, variables, requestPolicy: "network-only" });
  const preview = data?.filterPreview;
  if (error) return <p className={classes["error"]}>{explain(error)}</p>;
  if (!preview) return fetching ? <p className={classes["note"]}>Asking the newest events…</p> : null;
  if (preview.scanned === 0) return <p className={classes["note"]}>No events yet to try this on. Send one, and it appears here.</p>;
  return (
    <div className={classes["preview"]} aria-live="polite">
      <p className={classes["verdict"]}>
        Would take <strong className="num">{preview.matched}</strong> of the newest <span className="num">{preview.scanned}</span> events
      </p>
      <ul className={classes["events"]}>
        {preview.events.slice(0, 8).map(({ event, matches }) => (
          <li key={event.id} data-matches={matches || undefined}>
            {matches ? <IconCheck size={14} aria-label="would match" /> : <IconMinus size={14} aria-label="would not match" />}
            <span className="mono clip">{event.type}</span>
            <span className="clip">{event.entityId === null ? "" : `${event.entity ?? ""} ${event.entityId}`}</span>
            <Ago at={event.createdAt} />
          </li>
        ))}
      </ul>
    </div>
  );
}
