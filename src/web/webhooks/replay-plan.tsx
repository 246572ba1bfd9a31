/** What a recovery would send, asked of the server before anything is sent. */
import { useCallback, useEffect, useRef, useState } from "react";
import { formatCount, plural } from "../components/format.ts";
import { Moment } from "../components/time.tsx";
import { type Failure, usePerform } from "../graphql/act.ts";
import classes from "./recover.module.css";
import { PlanReplay, type ReplayInput, type ReplayPlan } from "./recovery-documents.ts";

/** Long enough that nobody waits for a plan of half a date. */
const SETTLE_MS = 300;

/** Plans of a selection that are asked for together. */
const AT_ONCE = 4;

export interface Planned {
  total: number;
  capped: boolean;
  oldest: string | null;
  newest: string | null;
  shares: { id: string; name: string; total: number }[];
}

const earlier = (a: string | null, b: string | null) => (a === null || (b !== null && b < a) ? b : a);
const later = (a: string | null, b: string | null) => (a === null || (b !== null && b > a) ? b : a);

export function sumOf(plans: readonly ReplayPlan[]): Planned {
  return {
    total: plans.reduce((sum, plan) => sum + plan.total, 0),
    capped: plans.some((plan) => plan.totalCapped),
    oldest: plans.map((plan) => plan.oldest).reduce(earlier, null),
    newest: plans.map((plan) => plan.newest).reduce(later, null),
    shares: plans.flatMap((plan) => plan.webhookDefinitions.map(({ total, webhookDefinition }) => ({ ...webhookDefinition, total }))),
  };
}

/** Several inputs make one plan. */
export function usePlanning() {
  const perform = usePerform();
  return useCallback(
    async (inputs: readonly ReplayInput[]): Promise<{ plan: Planned } | { failure: Failure }> => {
      const plans: ReplayPlan[] = [];
      for (let next = 0; next < inputs.length; next += AT_ONCE) {
        const some = inputs.slice(next, next + AT_ONCE);
        for (const outcome of await Promise.all(some.map((input) => perform(PlanReplay, { input })))) {
          if (!outcome.ok) return { failure: outcome.failure };
          plans.push(outcome.value);
        }
      }
      return { plan: sumOf(plans) };
    },
    [perform],
  );
}

/** The plan of these inputs, anew whenever they change; undefined while it is asked for. Null inputs: nothing to ask yet. */
export function usePlan(inputs: readonly ReplayInput[] | null) {
  const planning = usePlanning();
  const key = JSON.stringify(inputs);
  const [answer, setAnswer] = useState<{ key: string; plan?: Planned; failure?: Failure }>();
  const wanted = useRef(key);
  useEffect(() => {
    wanted.current = key;
    const asked = JSON.parse(key) as readonly ReplayInput[] | null;
    if (asked === null) return;
    const timer = setTimeout(async () => {
      const result = await planning(asked);
      // An answer that comes late is of another plan.
      if (wanted.current === key) setAnswer({ key, ...result });
    }, SETTLE_MS);
    return () => clearTimeout(timer);
  }, [key, planning]);
  return answer?.key === key ? { plan: answer.plan, failure: answer.failure } : { plan: undefined, failure: undefined };
}

export const countOf = ({ total, capped }: Planned): string => `${formatCount(total)}${capped ? " or more" : ""}`;

/** @param noun `event` or `request` */
export function PlanText({ plan, noun, showShares }: { plan: Planned; noun: string; showShares: boolean }) {
  if (plan.total === 0) return <p className={classes["plan"]}>Nothing to send: no {noun} of this time fits.</p>;
  return (
    <div className={classes["plan"]}>
      <p>
        <strong className="num">{plan.capped ? `${countOf(plan)} ${noun}s` : plural(plan.total, noun)}</strong>
        {plan.oldest !== null && plan.newest !== null && (
          <>
            , accepted from <Moment at={plan.oldest} /> to <Moment at={plan.newest} />
          </>
        )}
      </p>
      {showShares && plan.shares.length > 0 && (
        <ul>
          {plan.shares.map((share) => (
            <li key={share.id}>
              <span className="clip">{share.name}</span> <span className="num">{formatCount(share.total)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
