import type { TadaDocumentNode } from "gql.tada";
import { useCallback, useLayoutEffect, useRef, useState } from "react";
import type { AnyVariables } from "urql";
import { type Failure, type Outcome, usePerform } from "../graphql/act.ts";
import { useUnsaved } from "./unsaved.tsx";

/** What a panel needs of its form, whatever its fields are. */
export interface FormState {
  busy: boolean;
  failure: Failure | undefined;
  /** Whether something stands in it that is not saved. */
  dirty: boolean;
  /** Something was typed that is in no field yet, such as half of a condition. */
  touch: () => void;
  /** Back to what was there before. */
  discard: () => void;
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
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

/** The fields of `after` that are other than in `before`: what somebody else changed meanwhile is not sent back. */
export function changedFields<Input extends object>(before: Input, after: Input): Partial<Input> {
  const changed = Object.entries(after).filter(([name, value]) => !same(value ?? null, (before as Record<string, unknown>)[name] ?? null));
  return Object.fromEntries(changed) as Partial<Input>;
}

/** The fields of a panel, what the server said of each, and saving. A field has the name that it has in the API's input. */
export function useForm<Values extends object>(initial: () => Values) {
  const perform = usePerform();
  const [values, setValues] = useState(initial);
  const [baseline, setBaseline] = useState(values);
  const [typed, setTyped] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);
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
  const reset = useCallback((next: Values) => {
    setValues(next);
    setBaseline(next);
    setTyped(false);
    setFailure(undefined);
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

  async function save<Data, Variables extends AnyVariables>(document: TadaDocumentNode<Data, Variables>, variables: Variables) {
    const sent = values;
    setBusy(true);
    setFailure(undefined);
    const outcome: Outcome<Data> = await perform(document, variables);
    setBusy(false);
    if (!outcome.ok) {
      setFailure(outcome.failure);
      return undefined;
    }
    // At once: whoever saved goes on to another page in the same breath.
    unsaved.settle();
    setBaseline(sent);
    setTyped(false);
    return outcome.value;
  }
  /** Of an update: what the person changed, as the API's input names it. */
  const changes = <Input extends object>(toInput: (values: Values) => Input): Partial<Input> =>
    changedFields(toInput(baseline), toInput(values));

  const form: FormState = { busy, failure, dirty, touch, discard };
  return { ...form, form, values, baseline, set, reset, save, issue, refuse, changes };
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

export const blank = (text: string): string | null => (text.trim() === "" ? null : text.trim());
