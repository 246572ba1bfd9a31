import { ActionIcon, Button, TextInput } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import classes from "./pairs.module.css";

export interface Pair {
  name: string;
  value: string;
}

interface PairsProps {
  /** What one of them is called: `Header`. */
  noun: string;
  pairs: Pair[];
  change: (pairs: Pair[]) => void;
  issue: (path: string) => string | undefined;
  most?: number;
}

/** Names and values, one under the other. A masked value (***) that is left as it is keeps what is stored. */
export function Pairs({ noun, pairs, change, issue, most = 20 }: PairsProps) {
  const edit = (index: number, part: Partial<Pair>) => change(pairs.map((pair, at) => (at === index ? { ...pair, ...part } : pair)));
  const path = `${noun.toLowerCase()}s`;
  return (
    <div data-field>
      <p className={classes["label"]} data-field-label>
        {noun}s
      </p>
      {pairs.map((pair, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they have no other name than their place while they are typed
        <div key={index} className={classes["row"]}>
          <TextInput
            aria-label={`${noun} ${index + 1}: name`}
            placeholder="Authorization"
            classNames={{ input: "mono" }}
            value={pair.name}
            error={pair.name === "" ? undefined : issue(`${path}.${pair.name}`)}
            onChange={(event) => edit(index, { name: event.currentTarget.value })}
          />
          <TextInput
            aria-label={`${noun} ${index + 1}: value`}
            placeholder="Bearer …"
            classNames={{ input: "mono" }}
            value={pair.value}
            onChange={(event) => edit(index, { value: event.currentTarget.value })}
          />
          <ActionIcon
            size="lg"
            aria-label={`Remove ${noun.toLowerCase()} ${index + 1}`}
            onClick={() => change(pairs.filter((_, at) => at !== index))}
          >
            <IconX size={15} />
          </ActionIcon>
        </div>
      ))}
      {pairs.some((pair) => pair.value === "***") && (
        <p className={classes["hint"]}>*** is a secret value that stays as it is until you type another.</p>
      )}
      {issue(path) && (
        <p className={classes["error"]} data-field-error>
          {issue(path)}
        </p>
      )}
      {pairs.length < most && (
        <Button
          size="xs"
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => change([...pairs, { name: "", value: "" }])}
        >
          Add a {noun.toLowerCase()}
        </Button>
      )}
    </div>
  );
}

/** Of {name: value}, or of a list of {name, value}. */
export function toPairs(json: unknown): Pair[] {
  if (Array.isArray(json))
    return json.map((each: { name?: unknown; value?: unknown }) => ({ name: String(each.name ?? ""), value: String(each.value ?? "") }));
  return Object.entries((json ?? {}) as Record<string, unknown>).map(([name, value]) => ({ name, value: String(value) }));
}
export const fromPairs = (pairs: Pair[]): Record<string, string> =>
  Object.fromEntries(pairs.filter((pair) => pair.name !== "").map((pair) => [pair.name, pair.value]));
