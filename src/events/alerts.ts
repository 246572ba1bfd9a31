/**
 * Alerts: operational events `hookline.*`, delivered like any other, and a mail to the organization's `alertEmail`. Each is told once an
 * episode: the row that says so (`alert`), its event and its mail's job are one transaction, so any number of processes may look.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { newId } from "../clock.ts";
import type { Core } from "../core.ts";
import type { PoolClient } from "../db/client.ts";
import type { Queue } from "../db/queue.ts";
import { ZERO_ID } from "../db/values.ts";
import { OPERATIONAL } from "../definitions/match.ts";
import { MAIL_JOB } from "../delivery/mail.ts";
import { lowestId } from "../requests/id-range.ts";
import { oneLine } from "../text.ts";
import { globalId } from "../wire/ids.ts";
import type { Ingest } from "./ingest.ts";
import { beginEpisodes, endEpisodes, openEpisodes, recoverDefinition } from "./sql/alert-episodes.ts";
import { findBlocked, findLagging, laneAhead, readRates } from "./sql/find-alerts.ts";

export type AlertKind =
  | ("definition.failing" | "definition.stopped" | "definition.recovered")
  | ("lane.blocked" | "lane.lagging")
  | ("quota.reached" | "mail.failed" | "test");

export interface Alert {
  kind: AlertKind;
  /** UUID of the definition or lane, or one made of the name of what it is about. */
  subjectId: string;
  /** What tells one episode from the next. */
  cause: string;
  payload: Record<string, unknown>;
}

/** Over how long the rate of failures is taken, and of how many attempts at least. */
const WINDOW_MS = 10 * 60_000;
const LEAST_ATTEMPTS = 10;
const FAILING = 0.5;
/** A lane whose first request is older than this lags. */
const LAG_MS = 15 * 60_000;
/** Lanes told of in one look; the next look goes on. */
const MOST_LANES = 500;
/** Lanes looked at in one statement, and how long others have the database to themselves then. */
const [LANES_AT_ONCE, PAUSE_MS] = [500, 40];
const LAST = ["ffffffff-ffff-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff"] as const;
/** Alerts that one mail spells out. */
const MOST_LINES = 50;

function textOf({ kind, payload }: Alert): string {
  const told = Object.entries(payload).map(([name, value]) => `${name}: ${oneLine(value)}`);
  return `${OPERATIONAL}${kind}\n  ${told.join("\n  ")}`;
}

async function mailOf(
  core: Core,
  client: PoolClient,
  queue: Pick<Queue, "send">,
  organizationId: string,
  alerts: readonly Alert[],
): Promise<void> {
  const { rows } = await client.query<{ name: string; alert_email: string | null }>(
    "SELECT name, alert_email FROM organization WHERE id = $1",
    [organizationId],
  );
  const to = rows[0]?.alert_email;
  const [first] = alerts;
  if (!to || !first) return;
  const more = alerts.length > 1 ? ` and ${alerts.length - 1} more` : "";
  const unsaid = alerts.length > MOST_LINES ? [`… and ${alerts.length - MOST_LINES} more`] : [];
  await queue.send(client, MAIL_JOB, {
    to,
    subject: `Hookline, ${oneLine(rows[0]?.name)}: ${first.kind}${more}`,
    text: `${[...alerts.slice(0, MOST_LINES).map(textOf), ...unsaid].join("\n\n")}\n`,
    organizationId,
    // A second episode of the same is another mail: where the mail of one id is shown once, it would be lost.
    messageId: `<${newId(core.clock)}@hookline>`,
  });
}

/**
 * Events and a mail, in the transaction that finds what is to be told.
 * @param find which rows say that it was told, written in that transaction
 * @returns how many
 */
export async function tellAlerts(
  core: Core,
  ingest: Ingest,
  queue: Pick<Queue, "send">,
  organizationId: string,
  find: (client: PoolClient) => Promise<readonly Alert[]>,
): Promise<number> {
  let told = 0;
  const committed = await ingest.withNumbers(() =>
    core.db.transaction(async (client) => {
      const alerts = await find(client);
      told = alerts.length;
      if (told === 0) return undefined;
      // That a mail failed is not mailed: that mail would fail, too.
      const mailed = alerts.filter(({ kind }) => kind !== "mail.failed");
      await mailOf(core, client, queue, organizationId, mailed);
      const events = alerts.map(({ kind, payload }) => ({ type: `${OPERATIONAL}${kind}`, payload: JSON.stringify(payload) }));
      return ingest.within(client, organizationId, events);
    }),
  );
  committed?.();
  return told;
}

/** Tells of those that nobody told of. @returns how many */
export async function raiseAlerts(
  core: Core,
  ingest: Ingest,
  queue: Pick<Queue, "send">,
  organizationId: string,
  alerts: readonly Alert[],
): Promise<number> {
  if (alerts.length === 0) return 0;
  const columns = [alerts.map(({ kind }) => kind), alerts.map(({ subjectId }) => subjectId), alerts.map(({ cause }) => cause)];
  return tellAlerts(core, ingest, queue, organizationId, async (client) => {
    const begun = await beginEpisodes.rows(client, [organizationId, ...columns]);
    const fresh = new Set(begun.map(({ kind, subject_id }) => `${kind} ${subject_id}`));
    return alerts.filter(({ kind, subjectId }) => fresh.has(`${kind} ${subjectId}`));
  });
}

type Rate = Awaited<ReturnType<typeof readRates.rows>>[number];

const definitionOf = (row: { definition_id: string; number: number; name: string }) => ({
  webhookDefinitionId: globalId("WebhookDefinition", row.definition_id),
  webhook: row.number,
  name: row.name,
});
const ratesOf = ({ delivered, failed }: Rate) => ({ attempts: delivered + failed, failed, minutes: WINDOW_MS / 60_000 });

const recover = (core: Core, ingest: Ingest, queue: Pick<Queue, "send">, rate: Rate, since: Date): Promise<number> =>
  tellAlerts(core, ingest, queue, rate.organization_id, async (client) => {
    const ended = await recoverDefinition.rows(client, [rate.organization_id, rate.definition_id, since]);
    if (ended.length === 0) return [];
    const payload = { ...definitionOf(rate), ...ratesOf(rate), after: ended.map(({ kind }) => kind).sort() };
    return [{ kind: "definition.recovered", subjectId: rate.definition_id, cause: core.clock.now().toISOString(), payload }];
  });

type LaggingRow = Awaited<ReturnType<typeof findLagging.rows>>[number];

/** All lanes with work are looked at, some at a time: with fifty thousand of them one statement took a core for most of a second. */
async function laggingLanes({ db }: Core, young: string, signal: AbortSignal | undefined): Promise<LaggingRow[]> {
  const found: LaggingRow[] = [];
  let after: readonly [organizationId: string, laneId: string] = [ZERO_ID, ZERO_ID];
  while (after !== LAST && found.length < MOST_LANES && !signal?.aborted) {
    if (after[0] !== ZERO_ID) await sleep(PAUSE_MS);
    const [ahead] = await laneAhead.rows(db.pool, [...after, LANES_AT_ONCE - 1]);
    const upTo = ahead ? ([ahead.organization_id, ahead.lane_id] as const) : LAST;
    found.push(...(await findLagging.rows(db.pool, [young, MOST_LANES - found.length, ...after, ...upTo])));
    after = upTo;
  }
  return found;
}

/** One look at everything. @returns how many alerts were told */
export async function lookForAlerts(
  core: Core,
  ingest: Ingest,
  queue: Pick<Queue, "send">,
  signal?: AbortSignal,
): Promise<{ told: number }> {
  const { pool } = core.db;
  const ago = (ms: number) => new Date(core.clock.now().getTime() - ms);
  const young = lowestId(ago(LAG_MS));
  await endEpisodes.count(pool, [young]);
  const since = ago(WINDOW_MS);
  const rates = await readRates.rows(pool, [since]);
  const isFailing = ({ delivered, failed }: Rate) => delivered + failed >= LEAST_ATTEMPTS && failed >= (delivered + failed) * FAILING;
  const failing = rates.filter(isFailing).map((row) => ({
    organizationId: row.organization_id,
    alert: {
      kind: "definition.failing",
      subjectId: row.definition_id,
      cause: "",
      payload: { ...definitionOf(row), ...ratesOf(row) },
    } as Alert,
  }));
  const lanes = (kind: "lane.blocked" | "lane.lagging", rows: Awaited<ReturnType<typeof findBlocked.rows>>) =>
    rows.map((row) => ({
      organizationId: row.organization_id,
      alert: {
        kind,
        subjectId: row.lane_id,
        cause: kind === "lane.blocked" ? row.request_id : "",
        payload: {
          ...{ ...definitionOf(row), laneId: globalId("Lane", row.lane_id), laneKey: row.key },
          webhookRequestId: globalId("WebhookRequest", row.request_id),
        },
      } as Alert,
    }));
  const blocked = lanes("lane.blocked", await findBlocked.rows(pool, [MOST_LANES]));
  const lagging = lanes("lane.lagging", await laggingLanes(core, young, signal));
  let told = 0;
  for (const [organizationId, found] of Map.groupBy([...failing, ...blocked, ...lagging], (each) => each.organizationId)) {
    if (signal?.aborted) return { told };
    told += await raiseAlerts(
      core,
      ingest,
      queue,
      organizationId,
      found.map(({ alert }) => alert),
    );
  }
  const open = new Set((await openEpisodes.rows(pool, [])).map(({ subject_id }) => subject_id));
  for (const rate of rates) {
    if (signal?.aborted || !open.has(rate.definition_id) || rate.delivered === 0 || rate.failed >= (rate.delivered + rate.failed) * FAILING)
      continue;
    told += await recover(core, ingest, queue, rate, since);
  }
  return { told };
}
