/** Two people changed one thing: what each of them changed, and what it becomes. Pure. */
export const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

export type Side = "theirs" | "mine";

export interface Disputed {
  field: string;
  theirs: unknown;
  /** Absent: only they changed it, and their value stays. */
  mine?: unknown;
}

/** The fields that the others changed since `base`; those that I left alone, or set to the same, are no question. */
export function disputed<Values extends object>(base: Values, theirs: Values, mine: Values): Disputed[] {
  return (Object.keys(base) as (keyof Values & string)[]).flatMap((field) => {
    if (same(base[field], theirs[field])) return [];
    const open = !same(base[field], mine[field]) && !same(theirs[field], mine[field]);
    return [{ field, theirs: theirs[field], ...(open ? { mine: mine[field] } : {}) }];
  });
}

/** What nobody but me changed is mine; what only they changed is theirs; else as chosen. */
export function merged<Values extends object>(base: Values, theirs: Values, mine: Values, choice: Readonly<Record<string, Side>>): Values {
  const entries = Object.entries(theirs).map(([field, value]) => {
    const [was, my] = [base[field as keyof Values], mine[field as keyof Values]];
    if (same(was, my)) return [field, value];
    return [field, same(was, value) || choice[field] !== "theirs" ? my : value];
  });
  return Object.fromEntries(entries) as Values;
}

/** The fields of `after` that are other than in `before`: what somebody else changed meanwhile is not sent back. */
export function changedFields<Input extends object>(before: Input, after: Input): Partial<Input> {
  const changed = Object.entries(after).filter(([name, value]) => !same(value, (before as Record<string, unknown>)[name]));
  return Object.fromEntries(changed) as Partial<Input>;
}
