/** 30 events for three definitions while the receiver is down at first, and the live log beside it. */
import { follow } from "../../src/cli/follow.ts";
import { createAttemptTeller, formatLine } from "../../src/cli/line.ts";
import { createDefinitions, emitAll, expectedLanes, laneOf, testDelivery } from "./scenario.ts";
import type { Claim, Stage } from "./stage.ts";
import { type Evidence, judge } from "./verdict.ts";

/** Prints what the subscription brings, and keeps it as evidence. */
function watch({ api, ended, say }: Stage, live: Evidence["live"][number][], seen: Set<string>): Promise<void> {
  const tell = createAttemptTeller();
  return follow(api, {
    signal: ended.signal,
    onUpdate(update) {
      for (const line of tell(update)) {
        say(`  ${formatLine(line)}`);
        const { request, attempt } = line;
        seen.add(request.id);
        if (request.event === null || request.laneNumber === 0) continue; // a test delivery
        const lane = laneOf(`/${request.webhookDefinition?.code}`, request.event.entityId ?? "");
        live.push({ lane, laneNumber: request.laneNumber, attempt: attempt.number, delivered: attempt.outcome === "DELIVERED" });
      }
    },
  });
}

export async function playDeliveries(stage: Stage): Promise<Claim[]> {
  const { api, receiver, ended, say, until, spoil } = stage;
  const definitions = await createDefinitions(api, receiver.url);
  for (const [code, { secret }] of definitions) receiver.trust(`/${code}`, spoil === "signature" ? "whsec_d3Jvbmc=" : secret);

  const live: Evidence["live"][number][] = [];
  const evidence: Evidence = { expected: expectedLanes(), laneOf, calls: receiver.calls, live };
  const seen = new Set<string>();
  say("  live log    a line for each attempt, from the GraphQL subscription");
  say();
  const watching = watch(stage, live, seen);
  watching.catch(() => ended.abort());

  // A subscription without a cursor begins at "now", and nothing says when now was: a test delivery that is seen does.
  let subscribed = false;
  for (let tries = 0; tries < 10 && !subscribed; tries++) {
    const id = await testDelivery(api, definitions.get("everything")?.id as string);
    subscribed = await until(() => seen.has(id), 1_000);
  }
  await emitAll(api);
  const wanted = [...evidence.expected.values()].flat().length;
  const settled = () => live.filter((line) => line.delivered).length >= wanted && receiver.calls.every((call) => call.verified);
  await until(() => settled() || receiver.calls.some((call) => !call.verified));
  ended.abort();
  await watching;
  return judge(spoiled(evidence, spoil));
}

/** What a platform that does not keep its word would leave behind. */
function spoiled(evidence: Evidence, spoil: string | undefined): Evidence {
  if (spoil === "order") return { ...evidence, calls: [...evidence.calls].reverse() };
  if (spoil === "delivery") return { ...evidence, calls: evidence.calls.slice(0, -1) };
  return evidence;
}
