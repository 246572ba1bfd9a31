import type { TadaDocumentNode } from "gql.tada";
import { useCallback, useLayoutEffect, useRef, useState } from "react";
import type { AnyVariables } from "urql";
import { type Failure, type Outcome, usePerform } from "../graphql/act.ts";
import { roundedNumber } from "../graphql/json-text.ts";
import type { Conflict } from "./conflict.tsx";
import { changedFields, disputed, merged, same } from "./merge.ts";
import { useUnsaved } from "./unsaved.tsx";

/** What a panel needs of its form, whatever its fields are. */
export interface FormState {
  busy: boolean;
  failure: Failure | undefined;
  /** Somebody else changed it since it was read. */
  conflict: Conflict | undefined;
  /** Whether something stands in it that is not saved. */
  dirty: boolean;
  /** Something was typed that is in no field yet, such as half of a condition. */
  touch: () => void;
  /** Back to what was there before. */
  discard: () => void;
}

const rootOf = (path: string): string => path.split(".", 1)[0] ?? path;

/**
 * A failure without what was mended. An issue of another field goes too when it speaks of a mended one, as "must be above
 * badThreshold" does, and so does one that belongs to no field: nobody could mend it where it stands.
 */
export function withoutMended(failure: Failure, mended: readonly string[], fields: readonly string[]): Failure | undefined {
  const issues = Object.entries(failure.issues);
  if (issues.length === 0) return failure;
  const left = issues.filter(([path, message]) => {
    const root = rootOf(path);
    return fields.includes(root) && !mended.includes(root) && !mended.some((field) => message.split(/\W+/).includes(field));
  });
  return left.length === 0 ? undefined : left.length === issues.length ? failure : { ...failure, issues: Object.fromEntries(left) };
}

/** How something is, with what tells whether it is still so. */
export interface Version<Values> {
  values: Values;
  updatedAt: string;
}

interface Update<Values, Input> {
  id: string;
  /** The whole of it as the API's input; what was not changed is left out. */
  toInput: (values: Values) => Input;
  /** As it is on the server now; undefined: it is gone, or the server is. */
  reload: (id: string) => Promise<Version<Values> | undefined>;
}

/** The fields of a panel, what the server said of each, and saving. A field has the name that it has in the API's input. */
export function useForm<Values extends object>(initial: () => Values) {
  const perform = usePerform();
  const [values, setValues] = useState(initial);
  const [baseline, setBaseline] = useState(values);
  const [typed, setTyped] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [conflict, setConflict] = useState<Conflict>();
  const [busy, setBusy] = useState(false);
  const version = useRef<string>(undefined);
  const present = useRef(values);
  const dirty = typed || !same(values, baseline);
  const unsaved = useUnsaved(dirty);
  useLayoutEffect(() => {
    present.current = values;
  }, [values]);

  const set = useCallback((part: Partial<Values>) => {
    const mended = Object.entries(part).flatMap(([name, value]) =>
      same(value, present.current[name as keyof Values]) ? [] : [name.replace(/Mistake$/, "")],
    );
    const fields = Object.keys(present.current);
    setValues((last) => ({ ...last, ...part }));
    if (mended.length > 0) setFailure((last) => last && withoutMended(last, mended, fields));
  }, []);
  /** @param updatedAt of what is shown, for `update` */
  const reset = useCallback((next: Values, updatedAt?: string) => {
    version.current = updatedAt;
    setValues(next);
    setBaseline(next);
    setTyped(false);
    setFailure(undefined);
    setConflict(undefined);
  }, []);
  const touch = useCallback(() => setTyped(true), []);
  const discard = () => {
    unsaved.settle();
    reset(baseline);
  };
  /** The issue of an input path, or of anything below it, for the field's error. */
  const issue = (path: string): string | undefined =>
    failure?.issues[path] ?? Object.entries(failure?.issues ?? {}).find(([each]) => each.startsWith(`${path}.`))?.[1];
  const refuse = useCallback(
    (path: string, message: string) => setFailure({ code: "INPUT", message: "Please look again", issues: { [path]: message } }),
    [],
  );

  async function attempt<Data>(run: () => Promise<Outcome<Data>>) {
    setBusy(true);
    setFailure(undefined);
    setConflict(undefined);
    const outcome = await run();
    setBusy(false);
    return outcome;
  }
  function done<Value>(sent: Values, value: Value): Value {
    // At once: whoever saved goes on to another page in the same breath.
    unsaved.settle();
    setBaseline(sent);
    setTyped(false);
    return value;
  }
  const save = <Data, Variables extends AnyVariables>(document: TadaDocumentNode<Data, Variables>, variables: Variables) =>
    saveBy(() => perform(document, variables));
  /** Saves in another way than by a document and its variables. */
  async function saveBy<Data>(run: () => Promise<Outcome<Data>>) {
    const outcome = await attempt(run);
    if (outcome.ok) return done(values, outcome.value);
    setFailure(outcome.failure);
    return undefined;
  }
  /** Of an update: what the person changed, as the API's input names it. */
  const changes = <Input extends object>(toInput: (values: Values) => Input): Partial<Input> =>
    changedFields(toInput(baseline), toInput(values));

  /** Saves what was changed. Where somebody else changed the same thing since it was read, both are shown. */
  async function update<Data, Input extends object>(
    document: TadaDocumentNode<Data, { input: Input & { id: string; ifUnchangedSince?: string | null } }>,
    { id, toInput, reload }: Update<Values, Omit<Input, "id" | "ifUnchangedSince">>,
  ) {
    // Twice: what the server itself changed, such as a state, is no question for the person.
    for (let tries = 0; tries < 2; tries++) {
      const since = version.current === undefined ? {} : { ifUnchangedSince: version.current };
      const input = { id, ...changes(toInput), ...since } as Input & { id: string };
      const outcome = await attempt(() => perform(document, { input }));
      if (outcome.ok) return done(values, outcome.value);
      const now = outcome.failure.code === "CHANGED_MEANWHILE" ? await reload(id) : undefined;
      const fields = now === undefined ? [] : disputed(baseline, now.values, values);
      if (now === undefined || (fields.length === 0 && tries > 0)) {
        setFailure(outcome.failure);
        return undefined;
      }
      version.current = now.updatedAt;
      if (fields.length > 0) {
        const resolve: Conflict["resolve"] = (choice) => {
          setValues(merged(baseline, now.values, values, choice));
          setBaseline(now.values);
          setConflict(undefined);
        };
        // The server's sentence without its moment, which is shown as moments are here.
        const message = outcome.failure.message.split(", at ", 1)[0]?.replace(/^it was /, "") ?? "";
        setConflict({ message, at: now.updatedAt, fields, resolve });
        return undefined;
      }
    }
    return undefined;
  }

  const form: FormState = { busy, failure, conflict, dirty, touch, discard };
  return { ...form, form, values, set, reset, save, saveBy, update, issue, refuse, changes };
}

/** Text of a JSON field to its value; `undefined` for text that is no JSON. Empty text is null. */
export function parseJson(text: string): { value: unknown } | undefined {
  if (text.trim() === "") return { value: null };
  try {
    return { value: JSON.parse(text) as unknown };
  } catch {
    return undefined;
  }
}

/** Of text that is parsed on its way to the server; null: it comes to no harm. */
export function jsonMistake(text: string): string | null {
  if (parseJson(text) === undefined) return "This is no JSON";
  const rounded = roundedNumber(text);
  return rounded === undefined ? null : `${rounded} has more digits than a browser keeps; the API takes it`;
}

export const blank = (text: string): string | null => (text.trim() === "" ? null : text.trim());
